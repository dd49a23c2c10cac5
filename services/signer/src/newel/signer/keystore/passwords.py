"""The password of a key file: from a file, a systemd credential, or the output of a program."""

import os
from pathlib import Path

from newel.runtime.config import ConfigError, read_secret_octets
from newel.runtime.system_errors import describe
from newel.runtime.work import read_output
from newel.signer.stores import FileStore

MAX_PASSWORD_LENGTH = 64 * 1024
MAX_COMMAND_TIME = 30.0
"""Seconds after which a program that prints a password is killed."""


def read_password(store: FileStore) -> bytes | None:
    """Read the password of a key file; None for a key without one.

    White space at its end is no part of it. Raises :class:`newel.runtime.config.ConfigError`, which never
    has anything of what a program printed.
    """
    if store.password_file:
        return read_secret_octets(store.password_file)
    if store.password_credential:
        return read_secret_octets(_credential(store.password_credential))
    if store.password_command:
        return _run(store.password_command)
    return None


def _credential(name: str) -> Path:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise ConfigError(
            f"password_credential {name}: CREDENTIALS_DIRECTORY is not set; systemd sets it for a service with"
            " LoadCredential= or LoadCredentialEncrypted="
        )
    return Path(folder) / name


def _run(command: tuple[str, ...]) -> bytes:
    try:
        password = read_output(command, MAX_PASSWORD_LENGTH, MAX_COMMAND_TIME).rstrip()
    except OSError as error:
        raise ConfigError(f"password_command {command[0]}: {describe(error)}") from None
    if not password:
        raise ConfigError(f"password_command {command[0]}: it printed no password")
    return password
