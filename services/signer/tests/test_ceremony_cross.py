"""A new root that the root before it certifies: what it issues is accepted by who trusts either."""

import json
import subprocess
from pathlib import Path

import pytest

from newel.signer.ceremony import command

FIRST = """
record = "{0}/first.json"

[[certificates]]
name = "root"
role = "root"
subject = {{ common_name = "Example Root" }}
path_length = {1}
certificate = "{0}/root.crt"
store = {{ kind = "file", path = "{0}/root.key", password_file = "{0}/password" }}
"""
NEXT = """
record = "{0}/next.json"

[[existing]]
name = "root"
certificate = "{0}/root.crt"
store = {{ kind = "file", path = "{0}/root.key", password_file = "{0}/password" }}

[[certificates]]
name = "root-2"
role = "root"
subject = {{ common_name = "Example Root 2" }}
path_length = 2
certificate = "{0}/root-2.crt"
store = {{ kind = "file", path = "{0}/root-2.key", password_file = "{0}/password" }}

[[certificates]]
name = "intermediate-2"
role = "intermediate"
issuer = "root-2"
subject = {{ common_name = "Example Intermediate 2" }}
certificate = "{0}/intermediate-2.crt"
store = {{ kind = "file", path = "{0}/intermediate-2.key", password_file = "{0}/password" }}

[[cross_certificates]]
name = "cross"
of = "root-2"
issuer = "root"
certificate = "{0}/cross.crt"
urls = {{ crl = ["http://ca.example/crl/{{issuer}}.crl"] }}
"""


def hold(folder: Path, text: str, *values: object) -> int:
    file = folder / "plan.toml"
    file.write_text(text.format(folder, *values))
    return command.main([str(file)])


def verify(folder: Path, root: str, *untrusted: str) -> bool:
    """Whether openssl accepts the new intermediate under a root."""
    words = ["openssl", "verify", "-x509_strict", "-CAfile", str(folder / root)]
    for name in untrusted:
        words += ["-untrusted", str(folder / name)]
    done = subprocess.run(
        [*words, str(folder / "intermediate-2.crt")], capture_output=True, check=False
    )
    return done.returncode == 0


@pytest.mark.needs("openssl")
def test_what_the_next_root_issues_is_accepted_under_both(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hold(folder, FIRST, 2) == 0
    assert hold(folder, NEXT) == 0, capsys.readouterr().err
    assert verify(folder, "root-2.crt")
    assert verify(folder, "root.crt", "cross.crt")
    assert not verify(folder, "root.crt")
    shown = subprocess.run(
        ["openssl", "x509", "-in", str(folder / "cross.crt"), "-noout", "-text"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip # a command line
    assert "pathlen:1" in shown
    assert "http://ca.example/crl/" in shown
    (record,) = json.loads((folder / "next.json").read_text())["cross_certificates"]
    assert (record["name"], record["of"], record["issuer"]) == (
        "cross",
        "root-2",
        "CN=Example Root",
    )
    assert record["fingerprint_sha256"] in capsys.readouterr().out


def test_a_root_without_room_for_another_certifies_none(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hold(folder, FIRST, 1) == 0
    before = sorted(folder.iterdir())
    assert hold(folder, NEXT) == 1
    said = capsys.readouterr().err
    assert "the path length 1 of root has no room for root-2 and the CAs below it" in said
    assert sorted(folder.iterdir()) == before, "nothing is half made"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('of = "root-2"', 'of = "absent"'), "the plan has no CA 'absent'"),
        (('of = "root-2"', 'of = "root"'), "of one, by the other"),
        (('name = "cross"', 'name = "root"'), "it has a name of its own"),
        (("/cross.crt", "/root-2.crt"), "the same file"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(
    folder: Path, change: tuple[str, str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hold(folder, FIRST, 2) == 0
    assert hold(folder, NEXT.replace(*change)) == 1
    assert complaint in capsys.readouterr().err
    assert not (folder / "root-2.crt").exists()
