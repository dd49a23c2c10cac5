"""The SCEP server on SQLite, and on both databases where the database decides."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fixtures.authority import CertificateAuthority
from fixtures.scep_harness import SCEPHarness, open_scep, record


@pytest.fixture
async def scep(authority: CertificateAuthority, tmp_path: Path) -> AsyncIterator[SCEPHarness]:
    """One process on SQLite."""
    opened = await open_scep(f"sqlite:///{tmp_path}/ra.db", authority, record())
    yield opened
    await opened.ra.database.close()


@pytest.fixture
async def each_scep(
    authority: CertificateAuthority, database_url: str
) -> AsyncIterator[SCEPHarness]:
    """One process, on each database in turn."""
    opened = await open_scep(database_url, authority, record())
    yield opened
    await opened.ra.database.close()
