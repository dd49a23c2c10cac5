"""A catalogue of one's own, on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from fixtures.inventory import Catalogue
from newel.inventory.app import REVISION
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database
from newel.runtime.database.migrations import migrate


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await migrate(database_url, "newel.inventory", REVISION)
    opened = await open_database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def catalogue(database: Database) -> Catalogue:
    return Catalogue(database)
