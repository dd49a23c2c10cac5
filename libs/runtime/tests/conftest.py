"""Databases on both engines, as several processes have them open."""

from collections.abc import AsyncIterator

import pytest

from fixtures.databases import Open
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database


@pytest.fixture
async def open_again(database_url: str) -> AsyncIterator[Open]:
    """Opens further databases on the same data; they are closed at the end."""
    databases: list[Database] = []

    async def again() -> Database:
        databases.append(await open_database(database_url))
        return databases[-1]

    yield again
    for database in databases:
        await database.close()
