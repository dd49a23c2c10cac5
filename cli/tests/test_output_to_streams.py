"""--force and the names of streams: what is asked for goes through them, and they stay what they are."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from fixtures.running import NEWEL

PLAIN = "--no-password --insecure"
COMMANDS = [
    f"crypto keypair {{out}} other {PLAIN}",
    f"crypto keypair other {{out}} {PLAIN}",
    f"crypto jwk create {{out}} other {PLAIN}",
    f"crypto key format root.key --jwk --out {{out}} {PLAIN}",
    "crypto key public root.key --out {out}",
    f"crypto change-pass root.key --out {{out}} {PLAIN}",
    f"certificate create a {{out}} other --profile self-signed --subtle {PLAIN}",
    "certificate format root.crt --out {out}",
    "certificate bundle root.crt root.crt {out}",
    f"certificate p12 {{out}} root.crt root.key {PLAIN}",
    "certificate key root.crt --out {out}",
    "sign root.crt --key root.key --out {out}",
    "encrypt root.crt --to root.crt --out {out}",
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    run(tmp_path, f"certificate create Root root.crt root.key --profile root-ca {PLAIN}")
    return tmp_path


def run(home: Path, line: str) -> bytes:
    """What it prints; it has no terminal, so that a question would fail."""
    done = subprocess.run(
        [NEWEL, *line.split()],
        cwd=home,
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "STEPPATH": str(home / "step")},
        start_new_session=True,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.mark.parametrize("force", ["", " --force"])
@pytest.mark.parametrize("line", COMMANDS)
def test_stdout_and_a_terminal_are_written_through(home: Path, line: str, force: str) -> None:
    before = {each.name for each in home.iterdir()}
    main, terminal = os.openpty()
    name = os.ttyname(terminal)
    piped = run(home, line.format(out="/dev/stdout") + force)
    assert len(piped) > 60
    (home / "other").unlink(missing_ok=True)
    run(home, line.format(out=name) + force)
    assert len(os.read(main, 65536)) > 60
    assert stat.S_ISCHR(Path(name).stat().st_mode)
    assert {each.name for each in home.iterdir()} - before <= {"other"}
    os.close(main)
    os.close(terminal)
