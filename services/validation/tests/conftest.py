"""The validation authority on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fixtures.validation import ValidationHarness, open_harness


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'validation.db'}"
    url: str = request.getfixturevalue("fresh_postgres_url")
    return url


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ValidationHarness]:
    """One process on SQLite, in agreement with the issuing authority."""
    opened = await open_harness(tmp_path, f"sqlite:///{tmp_path / 'validation.db'}")
    yield opened
    await opened.close()


@pytest.fixture
async def each_harness(tmp_path: Path, database_url: str) -> AsyncIterator[ValidationHarness]:
    """The same on each database in turn."""
    opened = await open_harness(tmp_path, database_url)
    yield opened
    await opened.close()
