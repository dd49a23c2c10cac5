"""A template that cannot be used turns its provisioner off, and the reason names the member."""

from pathlib import Path
from typing import Any

import pytest

from fixtures.registration import JwkKey
from newel.crypto import keys
from newel.registration.provisioners.limits import Limits
from newel.registration.provisioners.provisioner import ProvisionerContext
from newel.registration.provisioners.registry import load_entry
from newel.step.provisioners import from_mapping

OWNER = JwkKey("admin", keys.generate())


def read_problem(kind: str, options: dict[str, Any]) -> str:
    record = from_mapping(OWNER.record(options={kind: options}))
    return load_entry(record, ProvisionerContext(Limits(), active_revocation=True)).problem


@pytest.mark.parametrize("kind", ["x509", "ssh"])
def test_a_file_that_cannot_be_a_template_is_told(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "leaf.tpl"
    options = {"templateFile": str(file)}
    place = f"options.{kind}.templateFile:"
    assert read_problem(kind, options) == f"{place} No such file or directory"
    template = b'{"keyId": "a"}'
    file.write_bytes(template.ljust(1 << 18))
    assert read_problem(kind, options) == ""
    file.write_bytes(template.ljust((1 << 18) + 1))
    assert read_problem(kind, options) == f"{place} the file is longer than 262144 octets"
    file.write_bytes(b"\xff" + template)
    assert read_problem(kind, options) == f"{place} the file is not UTF-8"


@pytest.mark.parametrize("kind", ["x509", "ssh"])
def test_a_text_that_is_no_template_is_told(kind: str) -> None:
    problem = read_problem(kind, {"template": "!!"})
    assert problem == f"options.{kind}.template is neither a template nor base64 of one"
