"""First uses that another program recorded count as used here."""

from fixtures.authority import EPOCH
from newel.registration.app import REVISION
from newel.registration.foreign_uses import ForeignUses
from newel.registration.provisioners.instances import first_use
from newel.registration.storage import UsedTokenTable
from newel.runtime.database.connect import open_database
from newel.runtime.database.migrations import migrate


async def test_a_first_use_that_is_taken_over_is_not_to_be_had_again(database_url: str) -> None:
    await migrate(database_url, "newel.registration", REVISION)
    database = await open_database(database_url)
    uses, table = ForeignUses(database), UsedTokenTable(database)
    one, other = first_use("aws/AWS", "i-1"), first_use("aws/AWS", "i-2")
    would = await uses.add([one.key, one.key], dry_run=True)
    assert (would.new, would.known) == (1, 1)
    done = await uses.add([one.key], dry_run=False)
    assert (done.new, done.known) == (1, 0)
    again = await uses.add([one.key, other.key], dry_run=True)
    assert (again.new, again.known) == (1, 1)
    assert not await table.claim(one, b"request", EPOCH, durable=True)
    assert await table.claim(other, b"request", EPOCH, durable=True)
    await database.close()
