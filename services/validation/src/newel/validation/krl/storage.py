"""All SQL about the revocations of SSH certificates."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from newel.runtime.database.contract import Database, Statement, Write
from newel.validation.counters import COUNT, COUNTER, RAISE
from newel.validation.krl.values import KRLFacts, PublishedKRL, SSHRevocation

_CURSOR, _CHANGE, _ABSENT = "ssh-revoked-read", "ssh-change", "ssh-absent"
_PAGE = 20_000

_ISSUER = Statement(
    "INSERT INTO ssh_issuers (id, public_key) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING"
)
_ISSUERS = Statement("SELECT id, public_key FROM ssh_issuers")
_REVOKE = Statement(
    "INSERT INTO ssh_revoked (serial, issuer, not_after) VALUES ($1, $2, $3)"
    " ON CONFLICT (serial, issuer) DO NOTHING"
)
_KNOWN = Statement("SELECT serial, issuer FROM ssh_revoked WHERE serial = $1 AND issuer = $2")
_SET = Statement(
    "INSERT INTO counters (name, value) VALUES ($1, $2)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_IS_ABSENT = Statement(
    "SELECT 1 FROM counters WHERE name = $1 AND value >= $2 AND NOT EXISTS (SELECT 1 FROM ssh_issuers)"
)
_SERIALS = Statement(
    "SELECT serial, issuer FROM ssh_revoked WHERE not_after >= $1 AND (serial, issuer) > ($2, $3)"
    " ORDER BY serial, issuer LIMIT $4"
)
_PUBLISH = Statement(
    "INSERT INTO krls (number, made_at, change, octets, signature) VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT (number) DO NOTHING RETURNING number"
)
_FORGET = Statement("DELETE FROM krls WHERE number < $1")
_FACTS = Statement(
    "SELECT number, made_at, change, length(signature) FROM krls ORDER BY number DESC LIMIT 1"
)
_LATEST = Statement(
    "SELECT number, made_at, change, octets, signature FROM krls ORDER BY number DESC LIMIT 1"
)
_SWEEP = Statement(
    "DELETE FROM ssh_revoked WHERE (serial, issuer) IN"
    " (SELECT serial, issuer FROM ssh_revoked WHERE not_after < $1 LIMIT $2)"
)


class SSHRevocationStore:
    """Implements :class:`newel.validation.krl.values.SSHRevocationStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record_issuers(self, keys: Mapping[str, bytes]) -> None:
        """Record the CAs' public keys, in wire form, by the issuers' ids."""
        if keys.keys() - (await self.issuers()).keys():
            await self._database.apply(*(Write(_ISSUER, row) for row in sorted(keys.items())))

    async def issuers(self) -> Mapping[str, bytes]:
        """Read the CAs' public keys by the issuers' ids."""
        return {name: bytes(key) for name, key in await self._database.fetch(_ISSUERS)}

    async def record_absence(self, now: int) -> None:
        """Record when the issuing authority said that it has no CA for SSH."""
        await self._database.apply(Write(_SET, (_ABSENT, now)))

    async def is_absent(self, since: int) -> bool:
        """Tell whether it has said so since a time, and no CA was ever known."""
        return bool(await self._database.fetch(_IS_ABSENT, _ABSENT, since))

    async def record(self, revoked: Sequence[SSHRevocation]) -> None:
        """Record revocations; the count grows when one of them is new."""
        keys = [(each.serial, each.issuer) for each in revoked]
        if not keys:
            return
        found = await self._database.fetch_many(_KNOWN, keys)
        known = {(bytes(serial), issuer) for serial, issuer in found}
        rows = sorted(
            (each.serial, each.issuer, each.not_after)
            for each in revoked
            if (each.serial, each.issuer) not in known
        )
        if rows:
            await self._database.apply(
                Write(COUNT, (_CHANGE,)), *(Write(_REVOKE, row) for row in rows)
            )

    async def change(self) -> int:
        """Read the count of recorded batches."""
        return (await self._database.fetch(COUNTER, _CHANGE))[0][0]

    async def cursor(self) -> int:
        """Read how far the issuing authority's list was read."""
        return (await self._database.fetch(COUNTER, _CURSOR))[0][0]

    async def advance(self, position: int) -> None:
        """Move the cursor; it never goes back."""
        await self._database.apply(Write(RAISE, (_CURSOR, position)))

    async def serials(self, not_expired_at: int) -> Mapping[str, Sequence[int]]:
        """Read the revoked serial numbers of certificates that end at that time or later, by issuer."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        last: tuple[bytes, str] = (b"", "")
        while rows := await self._database.fetch(_SERIALS, not_expired_at, *last, _PAGE):
            for serial, issuer in rows:
                found[issuer].append(int.from_bytes(serial))
            last = bytes(rows[-1][0]), rows[-1][1]
        return found

    async def publish(self, krl: PublishedKRL) -> bool:
        """Store a list and forget those before it; False when its number is taken."""
        row = (krl.number, krl.made_at, krl.change, krl.octets, krl.signature)
        gate = Write(_PUBLISH, row)
        return await self._database.decide(gate, Write(_FORGET, (krl.number,))) is not None

    async def latest_facts(self) -> KRLFacts | None:
        """Return what there is to know of the newest list; workers ask every second."""
        rows = await self._database.fetch(_FACTS)
        if not rows:
            return None
        number, made_at, change, length = rows[0]
        return KRLFacts(number, made_at, change, bool(length))

    async def latest(self) -> PublishedKRL | None:
        """Return the newest list."""
        rows = await self._database.fetch(_LATEST)
        if not rows:
            return None
        number, made_at, change, octets, signature = rows[0]
        signature = bytes(signature)
        return PublishedKRL(number, made_at, change, bool(signature), bytes(octets), signature)

    async def sweep(self, expired_before: int, limit: int) -> None:
        """Delete up to ``limit`` revocations of certificates that ended before that time."""
        await self._database.apply(Write(_SWEEP, (expired_before, limit)))
