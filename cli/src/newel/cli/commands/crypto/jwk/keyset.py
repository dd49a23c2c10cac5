"""`newel crypto jwk keyset`: add, remove, list and find the keys of a JWK set file."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.interact.terminal import show_json
from newel.cli.jose import jwk_files
from newel.cli.jose.jose_keys import keys_of_set
from newel.cli.operations.keys.key_output import json_text
from newel.cli.store.files import read, replace

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_jwk import CryptoJWKKeysetOptions


def run(options: "CryptoJWKKeysetOptions") -> None:
    """Do what the last word says, with the file locked against others."""
    verb = options.command.path.split()[-1]
    (name,) = options.positionals(1)
    if verb == "add":
        prompt = "Please enter the password to decrypt JWK"
        new = jwk_files.parse(read("-"), "JWK", prompt=prompt)
        with open_locked(name) as keys:
            save(name, [*keys, new])
        return
    kid = options.get("kid") if options.has("kid") else None
    with open_locked(name) as keys:
        if verb == "remove":
            save(name, [key for key in keys if key.get("kid", "") != (kid or "")])
        elif verb == "find":
            for key in keys:
                if key.get("kid", "") == (kid or ""):
                    show_json(key)
        elif options.json:
            show_json([key.get("kid", "") for key in keys])
        else:
            for key in keys:
                print(key.get("kid", ""))


@contextmanager
def open_locked(name: str) -> Generator[list[jwk_files.Jwk]]:
    """Yield the keys in the file, which stays locked meanwhile; create a missing file.

    Windows does not replace an open file: there it is not locked.
    """
    if os.name == "nt":
        Path(name).touch()
        text = Path(name).read_bytes()
        yield keys_of_set(text, name) if text else []
        return
    with os.fdopen(lock(name), "r+b") as file:
        text = file.read()
        yield keys_of_set(text, name) if text else []


def lock(name: str) -> int:
    """Open the file under an exclusive lock, which ends with the descriptor, or fail at once."""
    import fcntl

    while True:
        try:
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CliError(f"open {name} failed: {(error.strerror or '').lower()}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise CliError(f"error reading {name}: file is locked") from None
        if os.fstat(descriptor).st_ino == Path(name).stat().st_ino:
            return descriptor
        os.close(descriptor)  # another process replaced the file before it was locked


def save(name: str, keys: list[jwk_files.Jwk]) -> None:
    """Replace the old set by the new one."""
    path = Path(name)
    replace(path, json_text({"keys": keys}), path.stat().st_mode & 0o777)
