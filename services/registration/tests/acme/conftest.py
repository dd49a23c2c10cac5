"""One ACME server per test, on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from fixtures.acme import House, make_house


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with make_house(database_url) as made:
        yield made
