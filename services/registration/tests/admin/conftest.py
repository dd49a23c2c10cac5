"""A site authority on SQLite, and on both databases where the database decides."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fixtures.administration import ManagedAuthority, open_managed
from fixtures.authority import CertificateAuthority


@pytest.fixture
async def site(authority: CertificateAuthority, tmp_path: Path) -> AsyncIterator[ManagedAuthority]:
    """One process on SQLite."""
    async with open_managed(f"sqlite:///{tmp_path}/ra.db", authority) as opened:
        yield opened


@pytest.fixture
async def each_site(
    authority: CertificateAuthority, database_url: str
) -> AsyncIterator[ManagedAuthority]:
    """One process, on each database in turn."""
    async with open_managed(database_url, authority) as opened:
        yield opened
