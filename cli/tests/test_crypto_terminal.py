"""Passwords and overwriting, asked for at a real terminal."""

import os
import pty
import select
import time
from pathlib import Path

import pytest

from fixtures.running import NEWEL

LONGEST = 60.0


def at_a_terminal(words: list[str], answers: list[tuple[str, str]]) -> tuple[int, str]:
    """Runs a command on a terminal of its own; each answer waits for its question."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(NEWEL, [NEWEL, "crypto", *words])  # noqa: S606 - there is no shell to need
    seen, shown, end = "", "", time.monotonic() + LONGEST
    waiting = list(answers)
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                data = os.read(terminal, 4096).decode()
            except OSError:
                break
            seen, shown = seen + data, shown + data
        if waiting and waiting[0][0] in seen:
            seen = ""
            os.write(terminal, waiting.pop(0)[1].encode() + b"\n")
    os.close(terminal)
    assert not waiting, shown
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    return str(tmp_path / "a.pub"), str(tmp_path / "a.key")


def test_a_password_is_asked_for_and_not_shown(files: tuple[str, str]) -> None:
    question = "Please enter the password to encrypt the private key: "
    code, shown = at_a_terminal(["keypair", *files], [(question, "open sesame")])
    assert code == 0
    assert "sesame" not in shown
    question = f"Please enter the password to decrypt {files[1]}: "
    code, shown = at_a_terminal(["key", "fingerprint", files[1]], [(question, "open sesame")])
    assert code == 0
    assert "SHA256:" in shown
    code, shown = at_a_terminal(["key", "fingerprint", files[1]], [(question, "wrong")])
    assert code == 1
    assert "x509: decryption password incorrect" in shown


def test_a_jwk_password_may_be_wrong_twice(files: tuple[str, str]) -> None:
    question = "Please enter the password to encrypt the private JWK: "
    assert at_a_terminal(["jwk", "create", *files], [(question, "right")])[0] == 0
    question = f"Please enter the password to decrypt {files[1]}: "
    tries = [(question, answer) for answer in ("wrong", "wrong", "right")]
    assert at_a_terminal(["key", "inspect", files[1]], tries)[0] == 0
    tries[2] = (question, "wrong")
    code, shown = at_a_terminal(["key", "inspect", files[1]], tries)
    assert code == 1
    assert "failed to decrypt JWE: invalid password" in shown


def test_a_file_is_overwritten_only_when_the_answer_is_yes(files: tuple[str, str]) -> None:
    Path(files[0]).write_text("precious")
    plain = ["keypair", *files, "--no-password", "--insecure"]
    question = f"Would you like to overwrite {files[0]} [y/n]: "
    code, shown = at_a_terminal(plain, [(question, "n")])
    assert code == 1
    assert "file exists" in shown
    assert Path(files[0]).read_text() == "precious"
    assert not Path(files[1]).exists()
    assert at_a_terminal(plain, [(question, "maybe"), (question, "y")])[0] == 0
    assert Path(files[0]).read_text().startswith("-----BEGIN PUBLIC KEY-----")
