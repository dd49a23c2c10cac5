"""ACME accounts and external account keys of another program belong together here too."""

from fixtures.authority import EPOCH
from newel.crypto import keys
from newel.jose import jwk
from newel.registration.acme import ids
from newel.registration.acme.foreign import (
    ForeignAccount,
    ForeignAccounts,
    ForeignExternalKey,
)
from newel.registration.admin.account_policies import AccountPolicies
from newel.registration.admin.storage import AdminTables
from newel.registration.app import REVISION
from newel.runtime.clock import ManualClock
from newel.runtime.database.connect import open_database
from newel.runtime.database.migrations import migrate


async def test_the_policy_of_a_key_that_is_taken_over_holds_for_its_account(
    database_url: str,
) -> None:
    await migrate(database_url, "newel.registration", REVISION)
    database = await open_database(database_url)
    foreign, tables = ForeignAccounts(database), AdminTables(database)
    public = jwk.required_members(keys.generate().public_key())
    account = ForeignAccount("a" * 32, "acme", public, (), "valid", EPOCH)
    await foreign.add_accounts([account], dry_run=False)
    key = ForeignExternalKey("key", "acme", "shop", b"secret", account.id, EPOCH, EPOCH)
    await foreign.add_external_keys([key], dry_run=False)
    stored = await tables.external_key("acme", "key")
    assert stored is not None
    assert await tables.set_key_policy(stored, {"x509": {"deny": {"dns": ["b.example"]}}})
    identity = ids.parse(account.id)
    assert identity is not None
    policies, _ = await AccountPolicies(database, ManualClock(EPOCH)).find(identity)
    assert policies.x509 is not None
    await database.close()
