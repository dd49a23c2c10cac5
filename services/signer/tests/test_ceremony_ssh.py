"""The keys of SSH CAs: made once, in files or in tokens, their public halves as OpenSSH reads them."""

import json
import subprocess
from pathlib import Path

import pytest

from newel.crypto import keys
from newel.crypto.ssh.public_keys import wire_of, write_line
from newel.signer.ceremony import command

PLAN = """
record = "{0}/ceremony-ssh.json"

[[ssh_keys]]
name = "ssh-user"
algorithm = "{1}"
public_key = "{0}/user.pub"
store = {{ kind = "file", path = "{0}/user_key"{2} }}

[[ssh_keys]]
name = "ssh-host"
public_key = "{0}/host.pub"
store = {{ kind = "file", path = "{0}/host_key"{2} }}
"""


def write_plan(folder: Path, kind: str = "P-256", *, password: bool = True) -> str:
    (folder / "password").write_text("correct horse")
    (folder / "password").chmod(0o600)
    file = f', password_file = "{folder}/password"' if password else ""
    (folder / "plan.toml").write_text(PLAN.format(folder, kind, file))
    return str(folder / "plan.toml")


@pytest.mark.needs("ssh-keygen")
@pytest.mark.parametrize("kind", ["P-256", "Ed25519", "RSA-3072"])
def test_the_public_halves_are_lines_of_openssh(tmp_path: Path, kind: str) -> None:
    assert command.main([write_plan(tmp_path, kind)]) == 0
    record = json.loads((tmp_path / "ceremony-ssh.json").read_text())["ssh_keys"]
    for name, listed in zip(("user", "host"), record, strict=True):
        line = (tmp_path / f"{name}.pub").read_bytes()
        key = keys.load_private_key((tmp_path / f"{name}_key").read_bytes(), b"correct horse")
        assert line == write_line(wire_of(key), f"ssh-{name}")
        assert listed["public_key"] == line.decode().strip()
        subprocess.run(["ssh-keygen", "-l", "-f", f"{name}.pub"], cwd=tmp_path, check=True)
        assert (tmp_path / f"{name}_key").stat().st_mode & 0o777 == 0o600


def test_a_second_ceremony_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = write_plan(tmp_path)
    assert command.main([plan]) == 0
    before = (tmp_path / "user.pub").read_bytes()
    assert command.main([plan]) == 1
    assert "overwrites nothing" in capsys.readouterr().err
    assert (tmp_path / "user.pub").read_bytes() == before


def test_a_key_file_needs_a_password(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([write_plan(tmp_path, password=False)]) == 1
    assert "protected by a password" in capsys.readouterr().err
    assert not (tmp_path / "user.pub").exists()
