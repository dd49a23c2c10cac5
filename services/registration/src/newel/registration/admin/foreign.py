"""The configuration that another program's administrators managed, taken over as the first one here."""

from collections.abc import Sequence

from newel.registration.admin.records import Administrator, Record, StoredProvisioner
from newel.registration.admin.storage import AdminTables
from newel.runtime.database.contract import Database


async def add_configuration(
    database: Database,
    provisioners: Sequence[StoredProvisioner],
    administrators: Sequence[Administrator],
    policy: Record | None,
) -> bool:
    """Store provisioners, administrators and the authority's policy under their ids.

    False, and nothing is stored, where administrators manage this authority already.
    """
    return await AdminTables(database).migrate(provisioners, administrators, policy)


async def is_managed(database: Database) -> bool:
    """Tell whether administrators manage this authority already."""
    return await AdminTables(database).is_migrated()


__all__ = ["Administrator", "StoredProvisioner", "add_configuration", "is_managed"]
