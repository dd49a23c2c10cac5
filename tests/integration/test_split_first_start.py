"""What is made once, where something of it was made by an earlier release."""

from pathlib import Path

import pytest
from deploy.split.first_start import make
from deploy.split.layout import Layout

PLAN = """record = "{certs}/ceremony-dashboard.json"
[[existing]]
name = "internal"
certificate = "{certs}/internal_root.crt"
store = {{ kind = "file", path = "{certs}/taken-offline.key" }}
"""


@pytest.mark.parametrize("is_there", [True, False])
def test_an_authority_whose_roots_are_offline_starts_without_a_dashboard(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], is_there: bool
) -> None:
    """An earlier release had none; and a copy of its configurations has no plan for one."""
    layout = Layout(tmp_path)
    layout.certs.mkdir()
    (layout.certs / "ceremony.json").write_text("{}")
    plan = tmp_path / "ceremony-dashboard.toml"
    if is_there:
        plan.write_text(PLAN.format(certs=layout.certs))
    assert not make(layout, tmp_path / "ceremony.toml")
    assert (layout.secrets("registration") / "provisioners.json").exists()
    assert "the dashboard has no certificate" in capfd.readouterr().err
