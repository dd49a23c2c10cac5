"""After a restore from a backup nothing of one use passes that was made before."""

import pytest

from fixtures.authority import EPOCH
from newel.registration.acme.records import UsableKey
from newel.registration.acme.storage import Storage
from newel.registration.app import REVISION, restored_database
from newel.registration.provisioners.grant import TokenUse
from newel.registration.storage import UsedTokenTable
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.database.migrations import migrate
from newel.runtime.errors import ErrorType, NewelError

MOMENT = int(EPOCH.timestamp())

ADD_KEY = Statement(
    "INSERT INTO acme_external_keys (id, provisioner, reference, mac_key, account, created_at)"
    " VALUES ($1, 'acme', '', $2, $3, 0)"
)
VALID_KEYS = Statement("SELECT id FROM acme_external_keys WHERE removed_at IS NULL")
ADD_ORDER = Statement(
    "INSERT INTO acme_orders (id, account, identifiers, status, expires_at)"
    " VALUES ($1, $1, '[]', $2, $3)"
)
ORDERS = Statement("SELECT status, error FROM acme_orders ORDER BY id")


async def add_rows(database: Database) -> None:
    """A key for external account binding that is bound and one that is not, an order of each status."""
    await database.apply(
        Write(ADD_KEY, ("bound", b"1", b"account")), Write(ADD_KEY, ("unbound", b"2", None))
    )
    for number, status in enumerate(("pending", "processing", "valid")):
        await database.apply(Write(ADD_ORDER, (bytes([number]), status, MOMENT + 600)))


async def test_what_a_restored_database_may_have_decided_is_not_decided_again(
    database_url: str,
) -> None:
    await migrate(database_url, "newel.registration", REVISION)
    database = await open_database(database_url)
    storage = Storage(database)
    secret = await storage.secret("nonces", b"former")
    await add_rows(database)
    assert await restored_database.fence(database, MOMENT) == 1
    assert secret == b"former"
    assert await storage.secret("nonces", b"fresh") == b"fresh"
    assert [row[0] for row in await database.fetch(VALID_KEYS)] == ["bound"]
    orders = await database.fetch(ORDERS)
    assert [row[0] for row in orders] == ["invalid", "invalid", "valid"]
    assert "restored from a backup" in str(orders[0][1])
    await database.close()


async def test_a_key_for_several_accounts_binds_no_more_after_a_restore(database_url: str) -> None:
    await migrate(database_url, "newel.registration", REVISION)
    database = await open_database(database_url)
    await add_rows(database)
    await database.apply(
        Write(Statement("UPDATE acme_external_keys SET most_accounts = 5"), ()),
        Write(
            Statement(
                "INSERT INTO acme_accounts (id, provisioner, thumbprint, jwk, contact, status,"
                " terms_agreed, external_key, created_at)"
                " VALUES ($1, 'acme', $1, '{}', '[]', 'valid', '', 'bound', 0)"
            ),
            (b"account",),
        ),
    )
    storage = Storage(database)
    assert await storage.external_key("bound", "acme") == UsableKey(b"1", 1, 5, None)
    assert await restored_database.fence(database, MOMENT) == 1
    assert await storage.external_key("bound", "acme") == UsableKey(b"1", 1, 1, None)
    assert await storage.external_key("unbound", "acme") is None
    await database.close()


async def test_tokens_of_the_time_before_a_restore_are_refused(database_url: str) -> None:
    await migrate(database_url, "newel.registration", REVISION)
    database = await open_database(database_url)
    await restored_database.fence(database, MOMENT - 60)
    await restored_database.fence(database, MOMENT)  # a second restore
    table = UsedTokenTable(database)
    await table.read_fence()
    for issued_at in (0, MOMENT - 1, MOMENT):
        use = TokenUse(b"token", MOMENT + 300, issued_at)
        with pytest.raises(NewelError, match="restored from a backup") as refused:
            await table.claim(use, b"request", EPOCH, durable=True)
        assert refused.value.type is ErrorType.UNAUTHORIZED
    use = TokenUse(b"token", MOMENT + 300, MOMENT + 1)
    assert await table.claim(use, b"request", EPOCH, durable=True)
    assert not await table.claim(use, b"another", EPOCH, durable=True)
    await database.close()
