"""Passwords of key files: from a file, a systemd credential, and the output of a program."""

import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from newel.crypto import keys
from newel.runtime.config import ConfigError
from newel.signer.keystore import passwords
from newel.signer.keystore.opening import open_key
from newel.signer.keystore.passwords import MAX_PASSWORD_LENGTH
from newel.signer.stores import FileStore

PASSWORD = b"correct horse"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A key encrypted under the password."""
    path = tmp_path / "ca.key"
    path.write_bytes(keys.encrypt_private_key(keys.generate(), PASSWORD))
    return path


def print_by(code: str) -> tuple[str, ...]:
    """A program that prints what a line of Python prints."""
    return (sys.executable, "-c", code)


def test_a_program_prints_the_password(key_file: Path) -> None:
    command = print_by(f"print({PASSWORD.decode()!r})")
    key = open_key(FileStore(kind="file", path=key_file, password_command=command))
    keys.verify(key.public_key, key.sign(b"body"), b"body")


def test_a_systemd_credential_is_the_password(
    key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    credential = tmp_path / "ca-password"
    credential.write_bytes(PASSWORD + b"\n")
    credential.chmod(0o400)
    key = open_key(FileStore(kind="file", path=key_file, password_credential="ca-password"))
    keys.verify(key.public_key, key.sign(b"body"), b"body")


def test_a_credential_without_systemd_is_refused_with_what_to_do(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(ConfigError, match="LoadCredential="):
        open_key(FileStore(kind="file", path=key_file, password_credential="ca"))


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("/nowhere/program",), "no such file"),
        (print_by("print('hunter2'); raise SystemExit(3)"), "exit status 3"),
        (print_by("print(' ')"), "printed no password"),
        (print_by(f"print('hunter2' * {MAX_PASSWORD_LENGTH})"), "printed more than"),
    ],
)
def test_a_program_that_gives_no_password_is_refused(
    key_file: Path, command: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason) as refused:
        open_key(FileStore(kind="file", path=key_file, password_command=command))
    assert "hunter2" not in str(refused.value)


def test_a_program_that_does_not_end_is_killed(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "MAX_COMMAND_TIME", 0.1)
    command = print_by("import signal; signal.pause()")
    with pytest.raises(ConfigError, match="took longer than"):
        open_key(FileStore(kind="file", path=key_file, password_command=command))


def test_a_key_has_one_password(key_file: Path) -> None:
    with pytest.raises(ValidationError, match="one password"):
        FileStore(kind="file", path=key_file, password_credential="a", password_command=("b",))


@pytest.mark.parametrize("name", ["../secret", "a/b", "", ".hidden"])
def test_the_name_of_a_credential_is_no_path(key_file: Path, name: str) -> None:
    with pytest.raises(ValidationError, match="password_credential"):
        FileStore(kind="file", path=key_file, password_credential=name)
