"""The issuing authority on SQLite, and on both databases where the database decides."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fixtures.authority import CertificateAuthority, make_authority
from fixtures.issuing import IssuingHarness, open_harness, sqlite_url


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    """A root and an intermediate."""
    return make_authority(tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database of each kind."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    url: str = request.getfixturevalue("fresh_postgres_url")
    return url


@pytest.fixture
async def harness(authority: CertificateAuthority, tmp_path: Path) -> AsyncIterator[IssuingHarness]:
    """One process on SQLite."""
    opened = await open_harness(sqlite_url(tmp_path), authority)
    yield opened
    await opened.database.close()


@pytest.fixture
async def each_harness(
    authority: CertificateAuthority, database_url: str
) -> AsyncIterator[IssuingHarness]:
    """One process, on each database in turn."""
    opened = await open_harness(database_url, authority)
    yield opened
    await opened.database.close()
