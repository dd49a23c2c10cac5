"""A file with the authority's roots, for programs that trust it: new ones are there before they are needed."""

from pathlib import Path
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations import connection
from newel.cli.store import atomic_write
from newel.cli.store.atomic_write import Target

if TYPE_CHECKING:
    from newel.cli.operations.connection import AuthorityOptions

MODE = 0o644


def check(file: str) -> None:
    """Refuse a file that is there and is not one of certificates. Raises CliError."""
    path = Path(file)
    if path.exists() and path.stat().st_size:
        connection.read_roots(file)


def update(authority: "AuthorityOptions", file: str) -> bool:
    """Write the roots that the authority serves now, where the file has others; say whether it had.

    Both are compared as sets, and the file is replaced whole. Raises CliError.
    """
    from newel.client import calls
    from newel.crypto import pem

    with connection.connect(authority) as opened:
        served = opened.send(calls.roots())
    try:
        wanted = [pem.decode(each.encode()) for each in served]
    except ValueError as error:
        raise CliError(f"the authority's roots cannot be read: {error}") from None
    if not wanted:
        raise CliError("the authority serves no root")
    if set(wanted) == _read(file):
        return False
    atomic_write.write_all([Target(file, pem.encode_all(wanted), MODE)])
    return True


def _read(file: str) -> set[bytes]:
    from newel.crypto import pem

    path = Path(file)
    if not path.exists() or not path.stat().st_size:
        return set()
    return set(pem.decode_all(connection.read_roots(file).encode()))
