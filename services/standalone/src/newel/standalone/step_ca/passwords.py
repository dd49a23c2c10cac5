"""The passwords of the authority's keys: read from files, or typed at the terminal.

What is typed never reaches a disk: it is handed to the parts that open keys as a file in memory.
"""

import getpass
import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from newel.crypto import keys

_log = logging.getLogger("newel.standalone")

_OTHERS = 0o007
_LONGEST = 64 * 1024


class PasswordError(Exception):
    """A password that is missing or wrong; the message is the line to print."""


class Key(NamedTuple):
    """A key that the authority may have, and the file that the command line names for its password."""

    path: Path | None
    """None for a key that ca.json does not name."""
    password_file: str
    """"" for none."""


def collect(wanted: Sequence[Key]) -> list[Path | None]:
    """Return a file with the password of each key; None for a key that needs none, or is not there.

    A key whose password no file gives is asked for at the terminal. Raises PasswordError.
    """
    names = dict.fromkeys(name for _, name in wanted if name)
    files = {name: prepare_file(name) for name in names}
    return [files.get(key.password_file) or _ask_for(key.path) for key in wanted]


def _ask_for(path: Path | None) -> Path | None:
    if path is None or not _is_encrypted(path):
        return None
    password = ask(f"Please enter the password to decrypt {path}: ")
    require_opens(path, password)
    return keep_in_memory(password)


def prepare_file(name: str) -> Path:
    """Return a password file that can be used: itself, or a copy in memory of one that others may read.

    The original reads both alike. Raises PasswordError.
    """
    path = Path(name).absolute()
    password = read(name)
    if os.name == "posix" and path.stat().st_mode & _OTHERS:
        _log.warning("%s: others may read this password; chmod o= %s", name, name)
        return keep_in_memory(password)
    return path


def read(name: str) -> bytes:
    """Return the password that a file holds, without the white space after it. Raises PasswordError."""
    try:
        with Path(name).open("rb") as file:
            data = file.read(_LONGEST + 1)
    except OSError as error:
        raise PasswordError(
            f"error reading {name}: open {name}: {(error.strerror or str(error)).lower()}"
        ) from None
    if len(data) > _LONGEST:
        raise PasswordError(f"error reading {name}: longer than {_LONGEST} octets")
    return data.rstrip()


def ask(prompt: str) -> bytes:
    """Ask for a password at the terminal, without echo. Raises PasswordError where there is none."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError as error:
        raise PasswordError(
            f"error allocating terminal: open /dev/tty: {(error.strerror or str(error)).lower()};"
            " name a file with the password by --password-file"
        ) from None
    try:
        return getpass.getpass(prompt, sys.stderr).encode()
    except EOFError:
        raise PasswordError("the password was not entered") from None


def keep_in_memory(password: bytes) -> Path:
    """Return a file that holds the password as long as this process runs, on no disk where that can be."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("password", 0)
        os.fchmod(descriptor, 0o400)
        os.write(descriptor, password)
        return Path(f"/proc/self/fd/{descriptor}")
    descriptor, name = tempfile.mkstemp(prefix="step-ca-")  # 0600
    os.write(descriptor, password)
    os.close(descriptor)
    return Path(name)


def require_opens(path: Path, password: bytes) -> None:
    """Raise PasswordError when a password does not open a key."""
    data = _read_key(path)
    try:
        keys.load_private_key(data, password)
    except keys.InvalidKeyError:
        raise PasswordError(
            f"error decrypting {path}: x509: decryption password incorrect"
        ) from None


def _is_encrypted(path: Path) -> bool:
    """Tell whether a key needs a password. Raises PasswordError for a file that cannot be read."""
    data = _read_key(path)
    try:
        return keys.is_encrypted(data)
    except keys.InvalidKeyError as error:
        raise PasswordError(f"error reading {path}: {error}") from None


def _read_key(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PasswordError(
            f"error reading {path}: {(error.strerror or str(error)).lower()}"
        ) from None
