"""One ACME server per test: on SQLite for rules, on each database for what a database decides."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fixtures.acme import House, make_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with make_house(f"sqlite:///{tmp_path}/registration.db") as made:
        yield made


@pytest.fixture
async def either(database_url: str) -> AsyncIterator[House]:
    async with make_house(database_url) as made:
        yield made
