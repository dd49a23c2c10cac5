"""ca.json and defaults.json keep step's members, order and layout."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fixtures.running import others
from newel.step import ca_json, provisioners
from newel.step.provisioners import ACMEProvisionerConfig, JWKProvisionerConfig

STEP = others("step")  # not our own alias of the same name


@pytest.mark.needs("step")
def test_what_step_ca_init_wrote_is_read_and_written_back_the_same(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("secret")
    command = f"{STEP} ca init --name T --dns localhost --address :9 --provisioner admin --acme"
    subprocess.run(
        [*command.split(), "--password-file", "pw"],
        cwd=tmp_path,
        env={"STEPPATH": str(tmp_path / "sp")},
        check=True,
        capture_output=True,
    )
    text = (tmp_path / "sp/config/ca.json").read_text()
    config = ca_json.read(text)
    assert config.authority is not None
    admin, acme = config.authority.parse_provisioners()
    assert isinstance(admin, JWKProvisionerConfig)
    assert isinstance(acme, ACMEProvisionerConfig)
    assert provisioners.identity(admin) == f"admin:{admin.key.kid}"
    assert provisioners.identity(acme) == "acme/acme"
    assert ca_json.write(config) == text
    assert ca_json.write(json.loads(text)) == text
    defaults = (tmp_path / "sp/config/defaults.json").read_text()
    assert ca_json.write_defaults(ca_json.read_defaults(defaults)) == defaults


@pytest.mark.parametrize(
    "record",
    [
        {"type": "OIDC", "name": "g", "clientID": "c", "clientSecret": "s", "admins": ["a@b.c"]},
        {"type": "X5C", "name": "x", "roots": "AA==", "claims": {"maxTLSCertDuration": "8h"}},
        {"type": "AWS", "name": "a", "disableCustomSANs": True, "instanceAge": "1h0m0s"},
        {
            "type": "ACME",
            "name": "a",
            "forceCN": True,
            "requireEAB": True,
            "challenges": ["dns-01"],
        },
        {"type": "ACME", "name": "a", "newel": {"activeRevocation": False}},
    ],
    ids=lambda record: record["type"],
)
def test_every_kind_keeps_its_members(record: dict[str, Any]) -> None:
    again = provisioners.to_mapping(provisioners.from_mapping(record))
    assert again == record
    assert list(again) == list(record)


def test_unknown_kinds_and_bad_files_say_where() -> None:
    with pytest.raises(ValueError, match="Ldap"):
        provisioners.from_mapping({"type": "Ldap", "name": "x"})
    with pytest.raises(ValueError, match=r"dnsNames"):
        ca_json.read('{"dnsNames": "localhost"}')


def test_several_roots_and_a_newel_section() -> None:
    config = ca_json.read('{"root":["a","b"],"newel":{"x":1},"unknown":2}')
    assert config.roots == ["a", "b"]
    assert config.newel == {"x": 1}
    assert '"newel"' in ca_json.write(config)
