"""One use for every token, as the table decides it."""

import datetime as dt

from fixtures.authority import EPOCH
from newel.registration.app import REVISION
from newel.registration.provisioners.grant import TokenUse
from newel.registration.storage import UsedTokenTable
from newel.runtime.database.connect import open_database
from newel.runtime.database.migrations import migrate


async def test_a_claim_of_a_clock_that_ran_ahead_is_taken_over_by_the_same_request(
    database_url: str,
) -> None:
    await migrate(database_url, "newel.registration", REVISION)
    database = await open_database(database_url)
    table = UsedTokenTable(database)
    use = TokenUse(b"token", int(EPOCH.timestamp()) + 300)
    assert await table.claim(
        use, b"request", EPOCH + dt.timedelta(days=1), durable=True
    )  # and then it died
    assert not await table.claim(use, b"another", EPOCH, durable=True)
    assert await table.claim(use, b"request", EPOCH, durable=True)
    assert not await table.claim(use, b"request", EPOCH, durable=True)
    await database.close()
