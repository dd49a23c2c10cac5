"""Migrations run once, anyone who starts first, and never against a later build's database."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from newel.runtime.database.connect import UnusableDatabaseError, open_database, sqlite_path
from newel.runtime.database.contract import Statement, Write
from newel.runtime.database.migrations import MigrationError, migrate

SCRIPT = """
import sqlalchemy as sa
from alembic import op
from newel.runtime.database.tables import outbox_table, lease_table

revision = "{revision}"
down_revision = {before!r}

def upgrade() -> None:
    {body}
"""

FIRST = """metadata = sa.MetaData()
    outbox_table(metadata)
    lease_table(metadata)
    metadata.create_all(op.get_bind())"""
SECOND = 'op.create_table("second", sa.Column("id", sa.Integer))'
BROKEN = 'op.create_table("third", sa.Column("id", sa.Integer)); raise RuntimeError("half way")'


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    versions = tmp_path / "migrated" / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / "migrated" / "__init__.py").touch()
    steps = [("0001", None, FIRST), ("0002", "0001", SECOND), ("0003", "0002", BROKEN)]
    for revision, before, body in steps:
        script = SCRIPT.format(revision=revision, before=before, body=body)
        (versions / f"{revision}.py").write_text(script)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "migrated"


async def revision_of(url: str) -> str:
    database = await open_database(url)
    rows = await database.fetch(Statement("SELECT version_num FROM alembic_version"))
    await database.close()
    return rows[0][0]


async def test_one_step_after_the_other(database_url: str, package: str) -> None:
    assert await migrate(database_url, package, "0001")
    assert await revision_of(database_url) == "0001"
    assert await migrate(database_url, package, "0002")
    assert await revision_of(database_url) == "0002"
    assert not await migrate(database_url, package, "0002")


async def test_a_schema_that_is_missing_is_made(fresh_postgres_url: str, package: str) -> None:
    url = f"{fresh_postgres_url}?schema=issuing"
    assert await migrate(url, package, "0002")
    assert await revision_of(url) == "0002"


async def test_processes_that_start_at_once_migrate_once(database_url: str, package: str) -> None:
    await asyncio.gather(*(migrate(database_url, package, "0002") for _ in range(4)))
    assert await revision_of(database_url) == "0002"


async def test_a_migration_that_fails_changes_nothing(database_url: str, package: str) -> None:
    await migrate(database_url, package, "0001")
    with pytest.raises(RuntimeError, match="half way"):
        await migrate(database_url, package, "0003")
    assert await revision_of(database_url) == "0001"
    database = await open_database(database_url)
    await database.apply(Write(Statement("CREATE TABLE second (id BIGINT)"), ()))
    await database.close()


async def test_a_later_builds_database_is_left_alone(database_url: str, package: str) -> None:
    await migrate(database_url, package, "0002")
    database = await open_database(database_url)
    await database.apply(Write(Statement("UPDATE alembic_version SET version_num = '0099'"), ()))
    await database.close()
    with pytest.raises(MigrationError, match="later build"):
        await migrate(database_url, package, "0002")
    assert await revision_of(database_url) == "0099"


async def test_nothing_is_loaded_when_there_is_nothing_to_do(tmp_path: Path, package: str) -> None:
    """Standalone serves within a second of its start: Alembic alone takes a third of one."""
    url = f"sqlite:///{tmp_path}/service.db"
    await migrate(url, package, "0001")
    program = (
        "import asyncio, sys; from newel.runtime.database.migrations import migrate\n"
        f"assert not asyncio.run(migrate({url!r}, {package!r}, '0001'))\n"
        "assert not {'alembic', 'sqlalchemy', 'asyncpg'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


async def test_a_database_that_existed_before_is_not_created_again(
    database_url: str, package: str
) -> None:
    """Missing altogether, an empty schema, a file of no octets: all are the same loss."""
    with pytest.raises(MigrationError, match="--new-database"):
        await migrate(database_url, package, "0001", may_create=False)
    path = sqlite_path(database_url)
    if path is not None:
        assert not path.exists()
        path.touch()
        with pytest.raises(MigrationError, match=path.name):
            await migrate(database_url, package, "0001", may_create=False)
    assert await migrate(database_url, package, "0001")
    assert await migrate(database_url, package, "0002", may_create=False)


@pytest.mark.parametrize(
    "octets", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 8000]
)
async def test_a_damaged_file_is_named(tmp_path: Path, package: str, octets: bytes) -> None:
    file = tmp_path / "issuing.sqlite"
    file.write_bytes(octets)
    with pytest.raises(UnusableDatabaseError, match=r"issuing\.sqlite: the database is damaged"):
        await migrate(f"sqlite:///{file}", package, "0001")
    with pytest.raises(UnusableDatabaseError, match=r"issuing\.sqlite: the database is damaged"):
        await open_database(f"sqlite:///{file}")
    assert file.read_bytes() == octets


async def test_a_file_that_cannot_be_opened_is_not_taken_for_an_empty_one(
    tmp_path: Path, package: str
) -> None:
    folder = tmp_path / "issuing.sqlite"
    folder.mkdir()
    with pytest.raises(OSError, match=r"issuing\.sqlite"):
        await migrate(f"sqlite:///{folder}", package, "0001")


@pytest.mark.parametrize("table", ["second", "outbox", "alembic_version"])
async def test_a_table_that_is_gone_is_named(database_url: str, package: str, table: str) -> None:
    tables = ("outbox", "leases", "second")
    await migrate(database_url, package, "0002", tables=tables)
    database = await open_database(database_url)
    await database.apply(Write(Statement(f"DROP TABLE {table}"), ()))
    await database.close()
    with pytest.raises(UnusableDatabaseError, match=f": a table is missing: {table}; restore"):
        await migrate(database_url, package, "0002", tables=tables)


async def test_a_table_that_only_a_later_revision_makes_is_not_missed(
    database_url: str, package: str
) -> None:
    await migrate(database_url, package, "0001")
    assert await migrate(database_url, package, "0002", tables=("outbox", "leases", "second"))
