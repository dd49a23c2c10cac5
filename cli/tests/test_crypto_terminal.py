"""Passwords and overwriting, asked for at a real terminal."""

from pathlib import Path

import pytest

from fixtures.running import NEWEL
from fixtures.terminal import Answer, at_a_terminal


def crypto(words: list[str], answers: list[Answer]) -> tuple[int, str]:
    return at_a_terminal([NEWEL, "crypto", *words], answers)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    return str(tmp_path / "a.pub"), str(tmp_path / "a.key")


def test_a_password_is_asked_for_and_not_shown(files: tuple[str, str]) -> None:
    question = "Please enter the password to encrypt the private key: "
    code, shown = crypto(["keypair", *files], [(question, "open sesame")])
    assert code == 0
    assert "sesame" not in shown
    question = f"Please enter the password to decrypt {files[1]}: "
    code, shown = crypto(["key", "fingerprint", files[1]], [(question, "open sesame")])
    assert code == 0
    assert "SHA256:" in shown
    code, shown = crypto(["key", "fingerprint", files[1]], [(question, "wrong")])
    assert code == 1
    assert "x509: decryption password incorrect" in shown


def test_a_jwk_password_may_be_wrong_twice(files: tuple[str, str]) -> None:
    question = "Please enter the password to encrypt the private JWK: "
    assert crypto(["jwk", "create", *files], [(question, "right")])[0] == 0
    question = f"Please enter the password to decrypt {files[1]}: "
    tries = [(question, answer) for answer in ("wrong", "wrong", "right")]
    assert crypto(["key", "inspect", files[1]], tries)[0] == 0
    tries[2] = (question, "wrong")
    code, shown = crypto(["key", "inspect", files[1]], tries)
    assert code == 1
    assert "failed to decrypt JWE: invalid password" in shown


def test_a_file_is_overwritten_only_when_the_answer_is_yes(files: tuple[str, str]) -> None:
    Path(files[0]).write_text("precious")
    plain = ["keypair", *files, "--no-password", "--insecure"]
    question = f"Would you like to overwrite {files[0]} [y/n]: "
    code, shown = crypto(plain, [(question, "n")])
    assert code == 1
    assert "file exists" in shown
    assert Path(files[0]).read_text() == "precious"
    assert not Path(files[1]).exists()
    assert crypto(plain, [(question, "maybe"), (question, "y")])[0] == 0
    assert Path(files[0]).read_text().startswith("-----BEGIN PUBLIC KEY-----")
