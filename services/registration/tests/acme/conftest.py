"""One ACME server per test: on SQLite for rules, on each database for what a database decides."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fixtures.acme_harness import ACMEHarness, make_harness


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ACMEHarness]:
    async with make_harness(f"sqlite:///{tmp_path}/registration.db") as made:
        yield made


@pytest.fixture
async def either(database_url: str) -> AsyncIterator[ACMEHarness]:
    async with make_harness(database_url) as made:
        yield made
