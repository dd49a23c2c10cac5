"""The dashboard on a database of its own, in front of an inventory."""

from collections.abc import AsyncIterator

import pytest

from fixtures.catalogue import make_issued
from fixtures.dashboard import DashboardHarness
from fixtures.inventory import Catalogue
from fixtures.migrated import prepare
from newel.dashboard.app import REVISION
from newel.inventory.app import REVISION as INVENTORY_REVISION
from newel.runtime.database.connect import open_database


@pytest.fixture
async def dashboard(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[DashboardHarness]:
    """Ada administrates; nothing but her certificate is in the catalogue."""
    await prepare(database_url, "newel.dashboard", REVISION)
    other = f"sqlite:///{tmp_path_factory.mktemp('inventory')}/inventory.db"
    await prepare(other, "newel.inventory", INVENTORY_REVISION)
    own, inventory = await open_database(database_url), await open_database(other)
    catalogue = Catalogue(inventory)
    ada = make_issued(common_name="ada@example.com", provisioner="people")
    await catalogue.take(ada.event)
    yield DashboardHarness(catalogue, own, ada)
    await own.close()
    await inventory.close()
