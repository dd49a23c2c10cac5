"""What each service says of its tables is what its migrations make."""

from pathlib import Path

import pytest

from newel.runtime.database.migrations import migrate, sqlite_tables
from newel.standalone.app import REVISIONS, TABLES


@pytest.mark.parametrize("service", REVISIONS)
async def test_the_tables_of_a_service_are_those_its_migrations_make(
    service: str, tmp_path: Path
) -> None:
    file = tmp_path / "service.sqlite"
    await migrate(f"sqlite:///{file}", f"newel.{service}", REVISIONS[service])
    made = {name for name in sqlite_tables(file) if not name.startswith("sqlite_")}
    assert made == {"alembic_version", *TABLES[service]}
