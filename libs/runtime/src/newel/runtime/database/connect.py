"""Open a service's database by its URL."""

import sqlite3
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from newel.runtime.database.contract import Database


class UnusableDatabaseError(Exception):
    """A database that this build cannot work with; the message names it, says why and what to do."""


def make_damage_error(path: Path, error: sqlite3.Error) -> UnusableDatabaseError:
    """Build the error for a file that is no database, or no longer one."""
    return UnusableDatabaseError(
        f"{path}: the database is damaged ({error}); restore it from a backup,"
        " see docs/runbooks/backup-and-restore.md"
    )


def sqlite_path(url: str) -> Path | None:
    """Return the file that a ``sqlite:///path`` URL names (four slashes: an absolute path), or None."""
    prefix = "sqlite:///"
    return Path(url.removeprefix(prefix)) if url.startswith(prefix) else None


def split_schema(url: str) -> tuple[str, str]:
    """Split a PostgreSQL URL into one without its ``schema`` parameter and that schema ("public")."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    schema = query.pop("schema", "public")
    return urlunsplit(parts._replace(query=urlencode(query))), schema


async def open_database(url: str, password: str | None = None, *, durable: bool = True) -> Database:
    """Open ``sqlite:///path`` or ``postgresql://user@host/database?schema=issuing``.

    ``password`` is PostgreSQL's, where the URL has none. ``durable=False`` lets SQLite's commits reach
    the disk later: for projections, which can be rebuilt from their source. Raises ValueError for
    another URL, OSError and UnusableDatabaseError for a file that cannot be used, NewelError
    ``unavailable`` for a server.
    """
    path = sqlite_path(url)
    if path is not None:
        from newel.runtime.database.sqlite import SQLiteDatabase

        try:
            return SQLiteDatabase(path, durable=durable)
        except sqlite3.OperationalError as error:
            raise OSError(f"{path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise make_damage_error(path, error) from error
    if url.startswith(("postgresql://", "postgres://")):
        from newel.runtime.database.postgres import PostgresDatabase

        dsn, schema = split_schema(url)
        return await PostgresDatabase.connect(dsn, schema, password)
    raise ValueError("a database is named by sqlite:///path or postgresql://user@host/database")
