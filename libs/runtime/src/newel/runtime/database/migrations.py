"""Schema migrations by Alembic, which is only loaded when there is something to migrate."""

import contextlib
import importlib.util
import os
import sqlite3
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from newel.runtime.database.connect import (
    UnusableDatabaseError,
    make_damage_error,
    split_schema,
    sqlite_path,
)
from newel.runtime.database.unit import unavailable_error
from newel.runtime.database.write_lock import wait_for_write_lock
from newel.runtime.work import run_in_thread

_REVISIONS = "alembic_version"


class MigrationError(UnusableDatabaseError):
    """A database that cannot be migrated to the revision this build needs."""


async def migrate(
    url: str,
    package: str,
    revision: str,
    password: str | None = None,
    *,
    may_create: bool = True,
    tables: Collection[str] = (),
) -> bool:
    """Migrate a service's database to ``revision``; return True when something was done.

    The scripts are those in ``<package>/migrations/versions``. Of several processes that start at
    once one migrates and the others wait. Raises MigrationError when the database has a revision
    the scripts do not know, which is one of a later build, and when it is missing or empty and may not be
    created (``may_create``); UnusableDatabaseError for a damaged file, for one that another process keeps
    locked, and where one of the ``tables`` of this revision is gone; NewelError ``unavailable``.
    """
    path = sqlite_path(url)
    if path is not None:
        await wait_for_write_lock(path)
        current = sqlite_revision(path)
        require_tables(str(path), tables, sqlite_tables(path), at_revision=current == revision)
        if current == revision:
            return False
        if current is None and not may_create:
            raise make_missing_error(str(path))
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        await run_in_thread(_migrate_sqlite, path, package, revision)
        require_tables(str(path), tables, sqlite_tables(path), at_revision=True)
        return True
    dsn, schema = split_schema(url)
    where = f"the schema {schema} of {_database_name(dsn)}"
    current, found = await _postgres_state(dsn, schema, password)
    require_tables(where, tables, found, at_revision=current == revision)
    if current == revision:
        return False
    if current is None and not may_create:
        raise make_missing_error(where)
    await _migrate_postgres(dsn, schema, password, package, revision)
    _, found = await _postgres_state(dsn, schema, password)
    require_tables(where, tables, found, at_revision=True)
    return True


def require_tables(
    where: str, tables: Collection[str], found: Collection[str], *, at_revision: bool
) -> None:
    """Raise UnusableDatabaseError when tables of this revision are gone, and name them.

    A database at an older revision need not have all of them. One with some of them and no revision has
    lost its revision.
    """
    lost = {*tables} - {*found}
    if not at_revision:
        lost = {_REVISIONS} - {*found} if lost < {*tables} else set[str]()
    if lost:
        names = ", ".join(sorted(lost))
        raise UnusableDatabaseError(
            f"{where}: {'a table is' if len(lost) == 1 else 'tables are'} missing: {names}; restore the"
            " database from a backup, see docs/runbooks/backup-and-restore.md"
        )


def make_missing_error(what: str) -> MigrationError:
    """Build the error for a database that a service used before and does not find now."""
    return MigrationError(
        f"{what} has no database, and this authority has run before: restore it from a backup,"
        " see docs/runbooks/backup-and-restore.md, or begin with an empty one by --new-database:"
        " what was issued, revoked and blocked is then forgotten"
    )


def _database_name(dsn: str) -> str:
    parts = urlsplit(dsn)
    return f"{parts.hostname or 'localhost'}{parts.path}"


def sqlite_revision(path: Path) -> str | None:
    """Read the revision of a database file; return None where there is no file, or one without a revision.

    Raises OSError for a file that cannot be read, UnusableDatabaseError for a damaged one.
    """
    if _REVISIONS not in sqlite_tables(path):
        return None
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        raise OSError(f"{path}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise make_damage_error(path, error) from error
    return row[0] if row else None


async def _postgres_state(
    dsn: str, schema: str, password: str | None
) -> tuple[str | None, set[str]]:
    """Read the revision of a schema, None where there is none, and the names of its tables."""
    import asyncpg

    settings = {"search_path": schema}
    try:
        connection = await asyncpg.connect(
            dsn, password=password, timeout=10, server_settings=settings
        )
    except (
        OSError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,  # the server vanished in the middle of an answer
    ) as error:
        raise unavailable_error(error) from error
    try:
        rows = await connection.fetch(
            "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = $1", schema
        )
        tables = {str(name) for (name,) in rows}
        if _REVISIONS not in tables:
            return None, tables
        return await connection.fetchval("SELECT version_num FROM alembic_version"), tables
    finally:
        await connection.close()


def sqlite_tables(path: Path) -> set[str]:
    """Read the names of the tables of a database file; return none where there is no file.

    Raises as :func:`sqlite_revision` does.
    """
    if not path.exists():
        return set()
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {name for (name,) in rows}
    except sqlite3.OperationalError as error:
        raise OSError(f"{path}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise make_damage_error(path, error) from error


def _migrate_sqlite(path: Path, package: str, revision: str) -> None:
    from sqlalchemy import create_engine, event
    from sqlalchemy.exc import OperationalError

    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})

    # The driver would commit before each CREATE; one transaction holds them all instead.
    def leave_transactions_alone(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    def begin_immediate(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", leave_transactions_alone)
    event.listen(engine, "begin", begin_immediate)
    try:
        with engine.begin() as connection:
            _upgrade(connection, package, revision)
    except OperationalError as error:
        if primary_code(error.orig) != sqlite3.SQLITE_ERROR:
            raise OSError(f"{path}: {error.orig}") from error
        raise MigrationError(
            f"{path}: this is not the database of {package} ({error.orig}); restore that from a backup,"
            " see docs/runbooks/backup-and-restore.md"
        ) from error
    except MigrationError as error:
        raise MigrationError(f"{path}: {error}") from error
    finally:
        engine.dispose()


def primary_code(error: BaseException | None) -> int:
    """Return SQLite's primary code of an error, without the bits of its extended code."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


async def _migrate_postgres(
    dsn: str, schema: str, password: str | None, package: str, revision: str
) -> None:
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import create_async_engine

    async def connect() -> Any:
        import asyncpg

        settings = {"search_path": schema}
        return await asyncpg.connect(dsn, password=password, timeout=10, server_settings=settings)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect)
    try:
        async with engine.begin() as connection:
            lock = sa.text("SELECT pg_advisory_xact_lock(hashtext(:name))")
            await connection.execute(lock, {"name": f"newel migrations {schema}"})
            known = sa.text("SELECT 1 FROM pg_namespace WHERE nspname = :name")
            if not (await connection.execute(known, {"name": schema})).first():
                await connection.execute(sa.schema.CreateSchema(schema))
            await connection.run_sync(_upgrade, package, revision)
    finally:
        await engine.dispose()


def _upgrade(connection: Any, package: str, revision: str) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise MigrationError(f"there is no package {package}")
    scripts = ScriptDirectory(str(Path(found.submodule_search_locations[0]) / "migrations"))

    def steps(current: Any, _context: Any) -> Any:
        return scripts._upgrade_revs(revision, current)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - as Alembic's own command does

    try:
        with EnvironmentContext(Config(), scripts, fn=steps) as environment:
            environment.configure(connection=connection)
            environment.run_migrations()
    except CommandError as error:
        raise MigrationError(
            f"{package} knows no such revision of its database ({error}): a later build made it;"
            " start that one, or restore a backup"
        ) from error
