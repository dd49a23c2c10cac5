"""What SQLite raises, and what of it means that the file cannot be used now."""

import sqlite3

from newel.runtime.database.unit import unavailable_error
from newel.runtime.errors import NewelError

FAULTS = (sqlite3.Error, ArithmeticError, TypeError, ValueError)
"""What a statement can raise: SQLite's errors and those of parameters it cannot take."""

_UNAVAILABLE_CODES = frozenset(
    (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    )
)
"""Codes that say that the file cannot be used now, and nothing about the statement."""


def closed_error() -> NewelError:
    """Build the error for a database that was closed."""
    return unavailable_error(ConnectionError("the database is closed"))


def is_busy(error: BaseException) -> bool:
    """Tell whether another process has the lock that is needed."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF in {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    }


def to_unavailable(error: BaseException, file: str) -> BaseException:
    """Turn a full disk, a lasting lock or a missing file into ``unavailable``: the file may recover."""
    unavailable = isinstance(error, OSError) or (
        isinstance(error, sqlite3.DatabaseError)
        and getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNAVAILABLE_CODES
    )
    return unavailable_error(error, file) if unavailable else error
