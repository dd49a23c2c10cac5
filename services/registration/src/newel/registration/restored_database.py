"""A database that a backup brought back: what it decided since the backup is not decided a second time.

What was used, bound, ended or proved between the backup and the restore is not on record. So everything of
that kind which is still open ends, and tokens that were made before the restore are refused.
"""

import json

from newel.registration.storage import RESTORED
from newel.runtime.database.contract import Database, Statement, Write

_PROBLEM = json.dumps(
    {
        "type": "urn:ietf:params:acme:error:serverInternal",
        "detail": "the authority was restored from a backup; make a new order",
    }
)

_NOTE_MOMENT = Statement(
    "INSERT INTO revisions (name, number) VALUES ($1, $2)"
    " ON CONFLICT (name) DO UPDATE SET number = excluded.number"
)
_END_USES = Statement("DELETE FROM open_uses")
_DELETE_SECRETS = Statement("DELETE FROM acme_secrets")
_DELETE_NONCES = Statement("DELETE FROM acme_nonces")
_END_ORDERS = Statement(
    "UPDATE acme_orders SET status = 'invalid', error = $1, csr = NULL"
    " WHERE status IN ('pending', 'processing')"
)
_END_AUTHORIZATIONS = Statement(
    "UPDATE acme_authorizations SET expires_at = $1 WHERE expires_at > $1"
)
_COUNT_UNBOUND_KEYS = Statement(
    "SELECT count(*) FROM acme_external_keys WHERE account IS NULL AND removed_at IS NULL"
)
_REMOVE_UNBOUND_KEYS = Statement(
    "UPDATE acme_external_keys SET removed_at = $1 WHERE account IS NULL AND removed_at IS NULL"
)
# Those that bound some of the accounts they may bind: no more of them, and these stay as they are.
_CLOSE_KEYS = Statement("""
    UPDATE acme_external_keys SET most_accounts = (
        SELECT count(*) FROM acme_accounts a WHERE a.external_key = acme_external_keys.id)
    WHERE most_accounts > 1 AND account IS NOT NULL AND removed_at IS NULL""")


async def fence(database: Database, moment: int) -> int:
    """Let nothing pass that was made up to ``moment`` (seconds since 1970) and can be used once.

    Tokens are refused by when they were made, ACME's nonces by a new secret (RFC 8555 §6.5). Open orders end,
    and authorizations have to be proved again. Keys for external account binding that no account had at the
    backup may have one since: they are removed, and their number is returned. Those that
    some accounts have bind no further ones. Raises NewelError.
    """
    unbound = int((await database.fetch(_COUNT_UNBOUND_KEYS))[0][0])
    await database.apply(
        Write(_NOTE_MOMENT, (RESTORED, moment)),
        Write(_END_USES, ()),
        Write(_DELETE_SECRETS, ()),
        Write(_DELETE_NONCES, ()),
        Write(_END_ORDERS, (_PROBLEM,)),
        Write(_END_AUTHORIZATIONS, (moment,)),
        Write(_REMOVE_UNBOUND_KEYS, (moment,)),
        Write(_CLOSE_KEYS, ()),
    )
    return unbound
