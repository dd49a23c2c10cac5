"""All SQL of the validation authority."""

from collections.abc import AsyncIterator, Mapping, Sequence

from newel.crypto.crl_shards import ALL_BUCKETS, bucket
from newel.proto import subjects
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.events.contract import Outbox
from newel.validation.bases import PastCRL
from newel.validation.crls import PublishedCRL
from newel.validation.status import (
    CertificateKey,
    Counters,
    EntryPage,
    IssuedCertificate,
    Revocation,
    Status,
)

KEY_COMPROMISE = 1  # RFC 5280 §5.3.1

_PAGE = 20_000  # entries of a CRL read at once: a megabyte or so

_STATUS = Statement(
    "SELECT not_after, revoked_at, reason FROM certificate_status WHERE serial = $1 AND issuer = $2"
)
_ISSUED = Statement(
    "INSERT INTO certificate_status (serial, issuer, not_after) VALUES ($1, $2, $3)"
    " ON CONFLICT (serial, issuer) DO NOTHING"
)
# The counter's row is locked first and until the commit, so that counts become visible in order: a
# worker that has seen 7 can never find a row of 6 later.
_COUNT = Statement("UPDATE counters SET value = value + 1 WHERE name = $1")
_REVOKED = Statement(
    "INSERT INTO certificate_status"
    " (serial, issuer, not_after, revoked_at, reason, entry, bucket, change)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, (SELECT value FROM counters WHERE name = 'change'))"
    " ON CONFLICT (serial, issuer) DO UPDATE SET revoked_at = excluded.revoked_at,"
    " reason = excluded.reason, entry = excluded.entry, bucket = excluded.bucket,"
    " change = excluded.change"
    # keyCompromise (1) may be declared later of a certificate revoked for another reason
    " WHERE certificate_status.revoked_at IS NULL"
    " OR (certificate_status.reason <> 1 AND excluded.reason = 1)"
)
_IS_REVOKED = Statement(
    "SELECT serial, issuer, reason FROM certificate_status"
    " WHERE serial = $1 AND issuer = $2 AND revoked_at IS NOT NULL"
)
_COUNTERS = Statement("SELECT name, value FROM counters")
_COUNTER = Statement("SELECT value FROM counters WHERE name = $1")
_RAISE = Statement("UPDATE counters SET value = $2 WHERE name = $1 AND value < $2")
_SET = Statement("UPDATE counters SET value = $2 WHERE name = $1")
_CHANGED = Statement(
    "SELECT issuer, serial FROM certificate_status WHERE change > $1 ORDER BY change LIMIT $2"
)
_SWEEP = Statement(
    "DELETE FROM certificate_status WHERE (serial, issuer) IN"
    " (SELECT serial, issuer FROM certificate_status WHERE not_after < $1 LIMIT $2)"
)
_CHANGED_BUCKETS = Statement(
    "SELECT issuer, bucket, max(change) FROM certificate_status WHERE change > $1"
    " GROUP BY issuer, bucket"
)
# Serials begin with time: this order is that of the rows, and a shard's is not.
_ALL_ENTRIES = Statement(
    "SELECT serial, entry FROM certificate_status"
    " WHERE issuer = $1 AND revoked_at IS NOT NULL AND serial > $2 AND not_after >= $3"
    " ORDER BY serial LIMIT $4"
)
_BUCKET_ENTRIES = Statement(
    "SELECT serial, entry FROM certificate_status"
    " WHERE issuer = $1 AND bucket = $2 AND revoked_at IS NOT NULL AND serial > $3"
    " AND not_after >= $4 ORDER BY serial LIMIT $5"
)
_CHANGED_ENTRIES = Statement(
    "SELECT change, serial, entry FROM certificate_status"
    # the first bound is for the planner: a pair does not tell it that the partial index will do
    " WHERE issuer = $1 AND change >= $2 AND (change, serial) > ($2, $3)"
    " AND bucket >= $4 AND bucket <= $5"
    " AND not_after >= $6 ORDER BY change, serial LIMIT $7"
)
_RESERVE = Statement(
    "INSERT INTO crls (scope, number, this_update) VALUES ($1, $2, $3)"
    " ON CONFLICT (scope, number) DO NOTHING RETURNING scope"
)
_PUBLISH = Statement(
    "UPDATE crls SET this_update = $3, next_update = $4, change = $5, entries = $6, der = $7,"
    " base = $8, delta = $9 WHERE scope = $1 AND number = $2"
)
_DROP_OCTETS = Statement(
    "UPDATE crls SET der = NULL, delta = NULL WHERE scope = $1 AND number < $2 AND der IS NOT NULL"
)
_FORGET_UNSIGNED = Statement("DELETE FROM crls WHERE scope = $1 AND number < $2 AND change IS NULL")
_FORGET = Statement("DELETE FROM crls WHERE scope = $1 AND number = $2")
_HIGHEST = Statement("SELECT max(number) FROM crls WHERE scope = $1")
_HISTORY = Statement(
    "SELECT number, this_update, change FROM crls WHERE scope = $1 AND change IS NOT NULL"
    " ORDER BY number"
)
_NUMBERS = Statement("SELECT scope, max(number) FROM crls WHERE der IS NOT NULL GROUP BY scope")
_LATEST = Statement(
    "SELECT number, this_update, next_update, change, entries, der, base, delta FROM crls"
    " WHERE scope = $1 AND der IS NOT NULL ORDER BY number DESC LIMIT 1"
)


class StatusStore:
    """The statuses of all certificates: implements every Protocol of :mod:`newel.validation.status`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def status(self, key: CertificateKey) -> Status | None:
        """Read the status of one certificate; None when no such certificate was issued."""
        rows = await self._database.fetch(_STATUS, key.serial, key.issuer)
        return Status(*rows[0]) if rows else None

    async def counters(self) -> Counters:
        """Read the counters."""
        values = dict(await self._database.fetch(_COUNTERS))  # type: ignore[arg-type]
        return Counters(values["change"], values["crl"], values["agreed"])

    async def changed_since(self, change: int, limit: int) -> list[CertificateKey]:
        """List up to ``limit`` certificates whose status changed past that count."""
        rows = await self._database.fetch(_CHANGED, change, limit)
        return [CertificateKey(issuer, bytes(serial)) for issuer, serial in rows]

    async def record_issued(self, issued: Sequence[IssuedCertificate]) -> None:
        """Record that these exist; a status that is known stays as it is."""
        if issued:
            # in one order everywhere: two replicas with the same batch wait, they do not deadlock
            rows = sorted((*reversed(one.key), one.not_after) for one in issued)
            await self._database.apply(*(Write(_ISSUED, row) for row in rows))

    async def record_revoked(self, revoked: Sequence[Revocation]) -> None:
        """Record these revocations, whether their certificates are known or not."""
        if revoked:
            rows = sorted(
                (
                    *reversed(one.key),
                    one.not_after,
                    one.revoked_at,
                    one.reason,
                    one.entry,
                    bucket(one.key.serial),
                )
                for one in revoked
            )
            await self._database.apply(
                Write(_COUNT, ("change",)),
                *(Write(_REVOKED, row) for row in rows),
            )

    async def find_unrecorded(self, revoked: Sequence[Revocation]) -> list[Revocation]:
        """Return those that the store does not know, or not as key compromise."""
        if not revoked:
            return []
        keys = [(one.key.serial, one.key.issuer) for one in revoked]
        known = {
            (bytes(serial), issuer): reason
            for serial, issuer, reason in await self._database.fetch_many(_IS_REVOKED, keys)
        }
        return [
            one
            for one, key in zip(revoked, keys, strict=True)
            if key not in known or (one.reason == KEY_COMPROMISE != known[key])
        ]

    async def cursor(self, name: str) -> int:
        """Read how far a list of the issuing authority was read."""
        return (await self._database.fetch(_COUNTER, name))[0][0]

    async def advance(self, name: str, position: int) -> None:
        """Move a cursor; it never goes back."""
        await self._database.apply(Write(_RAISE, (name, position)))

    async def note_agreement(self, at: int) -> None:
        """Record when the store agreed with the issuing authority, by the current clock."""
        await self._database.apply(Write(_SET, ("agreed", at)))

    async def sweep(self, expired_before: int, limit: int) -> None:
        """Delete up to ``limit`` certificates that expired before that time."""
        await self._database.apply(Write(_SWEEP, (expired_before, limit)))

    async def changed_buckets(self, after: int) -> list[tuple[str, int, int]]:
        """List issuer, bucket and latest count of where certificates were revoked past a count."""
        rows = await self._database.fetch(_CHANGED_BUCKETS, after)
        return [(issuer, number, change) for issuer, number, change in rows]

    async def entries(
        self, issuer: str, buckets: tuple[int, int], not_expired_at: int
    ) -> AsyncIterator[EntryPage]:
        """List the revokedCertificates entries of an issuer, page by page."""
        runs: list[tuple[Statement, tuple[str | int, ...]]] = [(_ALL_ENTRIES, (issuer,))]
        if buckets != ALL_BUCKETS:
            numbers = range(buckets[0], buckets[1] + 1)
            runs = [(_BUCKET_ENTRIES, (issuer, number)) for number in numbers]
        for statement, chosen in runs:
            serial = b""
            while rows := await self._database.fetch(
                statement, *chosen, serial, not_expired_at, _PAGE
            ):
                yield EntryPage(len(rows), b"".join([entry for _, entry in rows]))
                serial = bytes(rows[-1][0])

    async def changed_entries(
        self, issuer: str, buckets: tuple[int, int], not_expired_at: int, after: int
    ) -> AsyncIterator[EntryPage]:
        """List those that changed past a count, in the order of their changes, page by page."""
        change, serial = after + 1, b""
        while rows := await self._database.fetch(
            _CHANGED_ENTRIES, issuer, change, serial, *buckets, not_expired_at, _PAGE
        ):
            yield EntryPage(len(rows), b"".join([entry for *_, entry in rows]))
            change, serial = rows[-1][0], bytes(rows[-1][1])


class CRLStore:
    """The CRLs and their numbers: implements :class:`newel.validation.crls.CRLStore`."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def highest(self, scope: str) -> int:
        """Return the highest number ever reserved for the CRLs of a scope; 0 before the first."""
        return (await self._database.fetch(_HIGHEST, scope))[0][0] or 0

    async def reserve(self, scope: str, number: int, now: int) -> bool:
        """Reserve a number for a CRL to be made; False when another worker was faster."""
        return await self._database.decide(Write(_RESERVE, (scope, number, now))) is not None

    async def history(self, scope: str) -> list[PastCRL]:
        """List the signed CRLs of a scope that are remembered, by number."""
        return [PastCRL(*row) for row in await self._database.fetch(_HISTORY, scope)]

    async def publish(
        self, crl: PublishedCRL, forget_below: int, obsolete: Sequence[int], event: bytes
    ) -> None:
        """Store a signed CRL under its reserved number, and publish its event.

        The octets of those below ``forget_below`` are dropped, and all about the ``obsolete`` ones.
        """
        row = (
            crl.scope,
            crl.number,
            crl.this_update,
            crl.next_update,
            crl.change,
            crl.entries,
            crl.der,
            crl.base,
            crl.delta,
        )
        await self._database.apply(
            Write(_COUNT, ("crl",)),
            Write(_PUBLISH, row),
            Write(_DROP_OCTETS, (crl.scope, forget_below)),
            Write(_FORGET_UNSIGNED, (crl.scope, forget_below)),
            *(Write(_FORGET, (crl.scope, number)) for number in obsolete),
            self._outbox.write(subjects.CRL_PUBLISHED, event),
        )
        self._outbox.wake()

    async def numbers(self) -> Mapping[str, int]:
        """Return the highest number of a signed CRL, by scope."""
        return dict(await self._database.fetch(_NUMBERS))  # type: ignore[arg-type]

    async def latest(self, scope: str) -> PublishedCRL | None:
        """Return the signed CRL with the highest number."""
        rows = await self._database.fetch(_LATEST, scope)
        if not rows:
            return None
        number, this_update, next_update, change, entries, der, base, delta = rows[0]
        return PublishedCRL(
            scope,
            number,
            this_update,
            next_update,
            change,
            entries,
            bytes(der),
            base or 0,
            bytes(delta or b""),
        )
