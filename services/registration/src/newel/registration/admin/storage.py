"""The SQL of administration. A change is gated by the revision of the configuration that it was made for."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from newel.registration.admin.records import (
    Administrator,
    Configuration,
    ExternalKey,
    Record,
    StoredPolicy,
    StoredProvisioner,
)
from newel.registration.storage import CONFIGURATION, MANAGED
from newel.runtime.database.contract import Database, Row, Statement, Write
from newel.step.policies import NameLists

KEPT_READS = 60 * 60
"""Seconds for which the revision that an administrator has read is remembered."""

_AUTHORITY = "authority"
_REVISION = Statement("SELECT number FROM revisions WHERE name = $1")
_RAISE = Statement(
    "UPDATE revisions SET number = number + 1 WHERE name = $1 AND number = $2 RETURNING name"
)
_MIGRATE = Statement(
    "INSERT INTO revisions (name, number) VALUES ($1, 1) ON CONFLICT DO NOTHING RETURNING name"
)
_RAISE_ANYWAY = Statement("UPDATE revisions SET number = number + 1 WHERE name = $1")
_MIGRATED = "administration"

_PROVISIONERS = Statement(
    "SELECT id, name, position, record, created_at, revision FROM provisioners"
    " WHERE removed_at IS NULL AND origin = $1 AND id IS NOT NULL ORDER BY position, name"
)
_PUT_PROVISIONER = Statement(
    "INSERT INTO provisioners (name, position, record, origin, id, created_at, revision)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO UPDATE SET"
    " position = excluded.position, record = excluded.record, origin = excluded.origin,"
    " id = excluded.id, created_at = excluded.created_at, revision = excluded.revision,"
    " removed_at = NULL"
)
_UPDATE_PROVISIONER = Statement(
    "UPDATE provisioners SET name = $2, record = $3, revision = $4 WHERE id = $1"
)
_DELETE_UNMANAGED = Statement("DELETE FROM provisioners WHERE name = $1 AND origin <> $2")
_DELETE_PROVISIONER = Statement("DELETE FROM provisioners WHERE id = $1")
_REMOVE_KEYS_OF = Statement(
    "UPDATE acme_external_keys SET removed_at = $2 WHERE provisioner = $1 AND removed_at IS NULL"
)
_RENAME_KEYS = Statement("UPDATE acme_external_keys SET provisioner = $2 WHERE provisioner = $1")
_RENAME_ACCOUNTS = Statement("UPDATE acme_accounts SET provisioner = $2 WHERE provisioner = $1")

_ADMINISTRATORS = Statement(
    "SELECT id, subject, provisioner, type, created_at FROM administrators ORDER BY id"
)
_ADD_ADMINISTRATOR = Statement(
    "INSERT INTO administrators (id, subject, provisioner, type, created_at)"
    " VALUES ($1, $2, $3, $4, $5)"
)
_SET_TYPE = Statement("UPDATE administrators SET type = $2 WHERE id = $1")
_DELETE_ADMINISTRATOR = Statement("DELETE FROM administrators WHERE id = $1")
_DELETE_ADMINISTRATORS_OF = Statement("DELETE FROM administrators WHERE provisioner = $1")

_POLICY = Statement("SELECT policy, revision FROM policies WHERE name = $1")
_PUT_POLICY = Statement(
    "INSERT INTO policies (name, policy, revision) VALUES ($1, $2, $3)"
    " ON CONFLICT (name) DO UPDATE SET policy = excluded.policy, revision = excluded.revision"
)
_DELETE_POLICY = Statement("DELETE FROM policies WHERE name = $1")

_KEY = (
    "SELECT id, provisioner, reference, account, created_at, bound_at, policy, revision, approved,"
    " coalesce(most_accounts, 1),"
    " (SELECT count(*) FROM acme_accounts a WHERE a.external_key = acme_external_keys.id), ends_at"
    " FROM acme_external_keys "
)
_KEYS = Statement(
    _KEY + "WHERE provisioner = $1 AND removed_at IS NULL AND id >= $2 ORDER BY id LIMIT $3"
)
_KEYS_OF_REFERENCE = Statement(
    _KEY + "WHERE provisioner = $1 AND reference = $4 AND removed_at IS NULL AND id >= $2"
    " ORDER BY id LIMIT $3"
)
_KEY_OR_REMOVED_KEY = Statement(_KEY + "WHERE provisioner = $1 AND id = $2")
_KEY_OF_ID = Statement(_KEY_OR_REMOVED_KEY.text + " AND removed_at IS NULL")
_ADD_KEY = Statement(
    "INSERT INTO acme_external_keys (id, provisioner, reference, mac_key, created_at, approved,"
    " most_accounts, ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id"
)
_REMOVE_KEY = Statement(
    "UPDATE acme_external_keys SET removed_at = $2 WHERE id = $1 AND removed_at IS NULL RETURNING id"
)
_REMOVE_KEY_AGAIN = Statement(
    "UPDATE acme_external_keys SET removed_at = coalesce(removed_at, $2) WHERE id = $1 RETURNING id"
)
_CANCEL_ORDERS_OF_KEY = Statement(
    "UPDATE acme_orders SET status = 'invalid' WHERE status = 'pending' AND account IN"
    " (SELECT id FROM acme_accounts WHERE external_key = $1 AND status = 'valid')"
)
_REVOKE_ACCOUNTS_OF_KEY = Statement(
    "UPDATE acme_accounts SET status = 'revoked' WHERE external_key = $1 AND status = 'valid'"
)
_SET_KEY_POLICY = Statement(
    "UPDATE acme_external_keys SET policy = $2, revision = revision + 1"
    " WHERE id = $1 AND revision = $3 AND removed_at IS NULL RETURNING id"
)

_READ = Statement("SELECT revision FROM administrators_reads WHERE reader = $1 AND record = $2")
_NOTE_READ = Statement(
    "INSERT INTO administrators_reads (reader, record, revision, read_at) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (reader, record) DO UPDATE SET revision = excluded.revision, read_at = excluded.read_at"
)
_SWEEP_READS = Statement("DELETE FROM administrators_reads WHERE read_at < $1")


class AdminTables:
    """The tables that administrators change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def configuration(self, known: Configuration | None = None) -> Configuration:
        """Read the configuration, or return the ``known`` one while it is the current one."""
        while True:
            revision = await self._revision()
            if known is not None and known.revision == revision:
                return known
            found = await self._read(revision)
            if await self._revision() == revision:
                return found

    async def _revision(self) -> int:
        return int((await self._database.fetch(_REVISION, CONFIGURATION))[0][0])

    async def _read(self, revision: int) -> Configuration:
        fetch = self._database.fetch
        provisioners = [StoredProvisioner(*row) for row in await fetch(_PROVISIONERS, MANAGED)]
        administrators = [Administrator(*row) for row in await fetch(_ADMINISTRATORS)]
        policy = await fetch(_POLICY, _AUTHORITY)
        return Configuration(
            revision,
            {each.name: each for each in provisioners},
            {each.id: each for each in administrators},
            StoredPolicy(msgspec.json.decode(policy[0][0]), int(policy[0][1])) if policy else None,
        )

    async def change(self, revision: int, *writes: Write) -> bool:
        """Commit the writes if the configuration is still at ``revision``; False when it is not."""
        gate = Write(_RAISE, (CONFIGURATION, revision))
        return await self._database.decide(gate, *writes) is not None

    async def migrate(
        self,
        provisioners: Iterable[StoredProvisioner],
        administrators: Iterable[Administrator],
        policy: Record | None,
    ) -> bool:
        """Commit the first configuration, unless another process or an earlier start has done so."""
        writes = [*map(put_provisioner, provisioners), *map(add_administrator, administrators)]
        if policy:
            writes.append(put_policy(policy, 1))
        gate = Write(_MIGRATE, (_MIGRATED,))
        raised = Write(_RAISE_ANYWAY, (CONFIGURATION,))
        return await self._database.decide(gate, *writes, raised) is not None

    async def is_migrated(self) -> bool:
        """Tell whether there is a configuration that administrators manage."""
        return bool(await self._database.fetch(_REVISION, _MIGRATED))

    # ------------------------------------------------------------ external account keys
    async def external_keys(
        self, provisioner: str, reference: str, cursor: str, limit: int
    ) -> list[ExternalKey]:
        """Read up to ``limit`` keys from the id ``cursor`` on, all of them or those of one reference."""
        if reference:
            found = await self._database.fetch(
                _KEYS_OF_REFERENCE, provisioner, cursor, limit, reference
            )
        else:
            found = await self._database.fetch(_KEYS, provisioner, cursor, limit)
        return [_external_key(row) for row in found]

    async def external_key(
        self, provisioner: str, identifier: str, *, or_removed: bool = False
    ) -> ExternalKey | None:
        """Read one key; with ``or_removed`` also one that was removed."""
        statement = _KEY_OR_REMOVED_KEY if or_removed else _KEY_OF_ID
        found = await self._database.fetch(statement, provisioner, identifier)
        return _external_key(found[0]) if found else None

    async def add_external_key(self, key: ExternalKey, mac_key: bytes) -> bool:
        """Add a key; False when the provisioner has one of that reference."""
        approved = msgspec.json.encode(key.approved).decode() if key.approved else None
        values = (
            key.id,
            key.provisioner,
            key.reference,
            mac_key,
            key.created_at,
            approved,
            key.most,
            key.ends_at,
        )
        return await self._database.decide(Write(_ADD_KEY, values)) is not None

    async def remove_external_key(
        self, identifier: str, now: dt.datetime, *, revoke_accounts: bool
    ) -> bool:
        """Remove a key; its policy stays that of the accounts it bound. False when it is gone.

        With ``revoke_accounts`` they are revoked, and their pending orders end (RFC 8555 §7.1.2), also those
        of a key that was removed before.
        """
        gone = _REMOVE_KEY_AGAIN if revoke_accounts else _REMOVE_KEY
        gate = Write(gone, (identifier, int(now.timestamp())))
        ends = (_CANCEL_ORDERS_OF_KEY, _REVOKE_ACCOUNTS_OF_KEY) if revoke_accounts else ()
        writes = [Write(each, (identifier,)) for each in ends]
        return await self._database.decide(gate, *writes) is not None

    async def set_key_policy(self, key: ExternalKey, policy: Record | None) -> bool:
        """Set or remove the policy of a key; False when the key has changed since it was read."""
        text = None if policy is None else msgspec.json.encode(policy).decode()
        gate = Write(_SET_KEY_POLICY, (key.id, text, key.revision))
        return await self._database.decide(gate) is not None

    # ------------------------------------------------------------ what administrators have read
    async def note_read(
        self, certificate: bytes, record: str, revision: int, now: dt.datetime
    ) -> None:
        """Remember at which revision the holder of a certificate has read a record."""
        seconds = int(now.timestamp())
        await self._database.apply(
            Write(_NOTE_READ, (_reader(certificate), record, revision, seconds)),
            Write(_SWEEP_READS, (seconds - KEPT_READS,)),
            durable=False,
        )

    async def last_read(self, certificate: bytes, record: str) -> int | None:
        """Return the revision at which the holder of a certificate has read a record last."""
        found = await self._database.fetch(_READ, _reader(certificate), record)
        return int(found[0][0]) if found else None


def _reader(certificate: bytes) -> bytes:
    return hashlib.sha256(certificate).digest()


def _external_key(row: Row) -> ExternalKey:
    account = None if row[3] is None else bytes(row[3])
    policy = None if row[6] is None else msgspec.json.decode(row[6])
    approved = None if row[8] is None else msgspec.json.decode(row[8], type=NameLists)
    return ExternalKey(
        row[0], row[1], row[2], account, row[4], row[5], policy, int(row[7]), approved,
        int(row[9]), int(row[10]), row[11],
    )  # fmt: skip # a row


def put_provisioner(stored: StoredProvisioner) -> Write:
    """Add a provisioner; one of that name that ca.json named before gives way to it."""
    return Write(
        _PUT_PROVISIONER,
        (
            stored.name,
            stored.position,
            stored.record,
            MANAGED,
            stored.id,
            stored.created_at,
            stored.revision,
        ),
    )


def update_provisioner(before: StoredProvisioner, after: StoredProvisioner) -> Sequence[Write]:
    """Change a provisioner's record; a new name is that of its ACME accounts and keys as well."""
    own = Write(_UPDATE_PROVISIONER, (after.id, after.name, after.record, after.revision))
    if before.name == after.name:
        return (own,)
    names = (before.name, after.name)
    return (
        Write(_DELETE_UNMANAGED, (after.name, MANAGED)),
        own,
        Write(_RENAME_KEYS, names),
        Write(_RENAME_ACCOUNTS, names),
    )


def remove_provisioner(stored: StoredProvisioner, seconds: int) -> Sequence[Write]:
    """Remove a provisioner, its administrators and its external account keys."""
    return (
        Write(_DELETE_ADMINISTRATORS_OF, (stored.id,)),
        Write(_DELETE_PROVISIONER, (stored.id,)),
        Write(_REMOVE_KEYS_OF, (stored.name, seconds)),
    )


def add_administrator(each: Administrator) -> Write:
    """Add an administrator."""
    values = (each.id, each.subject, each.provisioner, each.type, each.created_at)
    return Write(_ADD_ADMINISTRATOR, values)


def set_type(identifier: str, number: int) -> Write:
    """Set the type of an administrator."""
    return Write(_SET_TYPE, (identifier, number))


def remove_administrator(identifier: str) -> Write:
    """Remove an administrator."""
    return Write(_DELETE_ADMINISTRATOR, (identifier,))


def put_policy(policy: Record, revision: int) -> Write:
    """Set the authority's policy."""
    return Write(_PUT_POLICY, (_AUTHORITY, msgspec.json.encode(policy).decode(), revision))


def remove_policy() -> Write:
    """Remove the authority's policy."""
    return Write(_DELETE_POLICY, (_AUTHORITY,))
