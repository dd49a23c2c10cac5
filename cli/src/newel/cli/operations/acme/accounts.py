"""ACME accounts of this machine: one key each, kept under STEPPATH by directory and by name.

``acme/<16 hex of the SHA-256 of the directory's URL>/<name>.key``, PEM, for the owner alone. The URL stands
next to it. The server tells the holder of the key all else about the account.
"""

import contextlib
import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from newel.cli import program
from newel.cli.errors import CliError, UsageError
from newel.cli.operations.keys.key_files import private_key
from newel.cli.operations.keys.key_output import private_pem
from newel.cli.operations.network_errors import explain
from newel.cli.store import steppath
from newel.cli.store.files import make_directory, read_password, replace

if TYPE_CHECKING:
    from newel.crypto.keys import PrivateKey

UNKEPT = "none"
"""The name of an account that is made for one command, and forgotten with it."""

_NAME = re.compile(r"[A-Za-z0-9_@+-][A-Za-z0-9_@.+-]{0,63}", re.ASCII)


class StoredAccount(NamedTuple):
    """Where one account's key is, whether or not it is there yet."""

    directory: str
    name: str

    @property
    def path(self) -> Path:
        """The key's file."""
        digest = hashlib.sha256(self.directory.encode()).hexdigest()[:16]
        return steppath.base() / "acme" / digest / f"{self.name}.key"

    @property
    def successor(self) -> Path:
        """Where a key waits that the server may have taken for this one already."""
        return self.path.with_suffix(".new")


def find(name: str, directory: str) -> StoredAccount:
    """Return the account of that name at a directory. Raises UsageError."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"invalid value '{name}' for flag '--account'; it cannot name a file")
    return StoredAccount(directory, name)


def every() -> list[StoredAccount]:
    """Every account that is kept here. Raises CliError."""
    return sorted(
        StoredAccount(read_password(str(file.with_name("directory"))), file.stem)
        for file in steppath.base().glob("acme/*/*.key")
    )


def key_for(name: str, directory: str) -> "PrivateKey":
    """Return the key of the account to use; create it where there is none yet. Raises CliError.

    It is on disk before the server hears of it: no account is lost with the answer that made it.
    """
    kept = find(name, directory)
    if kept.name == UNKEPT:
        return new_key()
    if not kept.path.exists():
        _keep(kept, new_key())
    return key_of(kept)


def key_of(kept: StoredAccount) -> "PrivateKey":
    """Return the key of an account that is kept here. Raises CliError."""
    if kept.successor.exists():
        raise CliError(
            f"the change of the account's key was interrupted: {kept.successor} may be its key by now",
            hint=f"'{program.name()} ca acme account rekey' ends it, whichever key the server has.",
        )
    if not kept.path.exists():
        raise CliError(f"no account '{kept.name}' of {kept.directory} is kept here")
    return private_key(str(kept.path))


def new_key() -> "PrivateKey":
    """P-256, which every ACME server takes."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _keep(kept: StoredAccount, key: "PrivateKey") -> None:
    """Write a new account's key, unless another process was first, whose account is used then."""
    folder = kept.path.parent
    try:
        make_directory(folder)
        replace(folder / "directory", f"{kept.directory}\n".encode(), 0o600)
        descriptor, temporary = tempfile.mkstemp(dir=folder)
        try:
            with os.fdopen(descriptor, "wb") as sink:
                sink.write(private_pem(key))
                sink.flush()
                os.fsync(sink.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(temporary, kept.path)
        finally:
            Path(temporary).unlink()
    except (OSError, CliError) as error:
        raise CliError(
            f"error keeping the account's key in {folder}: {explain(error)}",
            hint=f"'--account {UNKEPT}' takes a new account and keeps none.",
        ) from None
