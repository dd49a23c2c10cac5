"""A catalogue of one's own, on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from fixtures.catalogue import IssuedCertificate, make_issued
from fixtures.inventory import Catalogue
from fixtures.migrated import prepare
from newel.inventory.app import REVISION
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await prepare(database_url, "newel.inventory", REVISION)
    opened = await open_database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def catalogue(database: Database) -> Catalogue:
    return Catalogue(database)


@pytest.fixture
async def ada(catalogue: Catalogue) -> IssuedCertificate:
    """An administrator's certificate, catalogued."""
    made = make_issued(
        common_name="ada@example.com", provisioner="people", kind="OIDC", renewable=False
    )
    await catalogue.take(made.event)
    return made
