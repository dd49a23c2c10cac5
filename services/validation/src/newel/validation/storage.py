"""All SQL about the statuses of certificates."""

import math
from collections.abc import AsyncIterator, Iterator, Sequence

from newel.crypto.crl_shards import ALL_BUCKETS, bucket
from newel.runtime.database.contract import Database, Row, Statement, Write
from newel.validation.counters import COUNT, COUNTER, RAISE
from newel.validation.status import (
    CertificateKey,
    Counters,
    EntryPage,
    IssuedCertificate,
    Revocation,
    Status,
)

KEY_COMPROMISE = 1  # RFC 5280 §5.3.1

_ROWS = 20_000  # entries of a CRL read at once: a megabyte or so
_PAGE = 250  # the least entries of a page: the smaller, the less is read again for one revocation

_STATUS = Statement(
    "SELECT not_after, revoked_at, reason FROM certificate_status WHERE serial = $1 AND issuer = $2"
)
_ISSUED = Statement(
    "INSERT INTO certificate_status (serial, issuer, not_after) VALUES ($1, $2, $3)"
    " ON CONFLICT (serial, issuer) DO NOTHING"
)
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
_ENTRIES_BETWEEN = Statement(
    "SELECT serial, entry FROM certificate_status WHERE issuer = $1 AND revoked_at IS NOT NULL"
    " AND serial > $2 AND serial <= $3 AND not_after >= $4 ORDER BY serial"
)
# without the issuer, which would lead SQLite to an index of all that it revoked
_EXPIRED = Statement(
    "SELECT issuer, serial FROM certificate_status WHERE not_after >= $1 AND not_after < $2"
    " AND revoked_at IS NOT NULL LIMIT $3"
)
_CHANGED_ENTRIES = Statement(
    "SELECT change, serial, entry FROM certificate_status"
    # the first bound is for the planner: a pair does not tell it that the partial index will do
    " WHERE issuer = $1 AND change >= $2 AND (change, serial) > ($2, $3)"
    " AND bucket >= $4 AND bucket <= $5"
    " AND not_after >= $6 ORDER BY change, serial LIMIT $7"
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
                Write(COUNT, ("change",)),
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
        return (await self._database.fetch(COUNTER, name))[0][0]

    async def advance(self, name: str, position: int) -> None:
        """Move a cursor; it never goes back."""
        await self._database.apply(Write(RAISE, (name, position)))

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
        """List the revokedCertificates entries of an issuer, page by page, each bucket by serial number."""
        runs: list[tuple[Statement, tuple[str | int, ...]]] = [(_ALL_ENTRIES, (issuer,))]
        if buckets != ALL_BUCKETS:
            numbers = range(buckets[0], buckets[1] + 1)
            runs = [(_BUCKET_ENTRIES, (issuer, number)) for number in numbers]
        for statement, chosen in runs:
            serial = b""
            while rows := await self._database.fetch(
                statement, *chosen, serial, not_expired_at, _ROWS
            ):
                for page in _cut(rows):
                    yield page
                serial = bytes(rows[-1][0])

    async def list_expired(self, begin: int, end: int, limit: int) -> list[CertificateKey]:
        """List up to ``limit`` revoked certificates that expired from ``begin`` on, before ``end``."""
        rows = await self._database.fetch(_EXPIRED, begin, end, limit)
        return [CertificateKey(issuer, bytes(serial)) for issuer, serial in rows]

    async def entries_between(
        self, issuer: str, ranges: Sequence[tuple[bytes, bytes]], not_expired_at: int
    ) -> list[list[EntryPage]]:
        """List the pages of each range: past its first serial number, up to and with its second."""
        asked = [(issuer, *one, not_expired_at) for one in ranges]
        rows = await self._database.fetch_many(_ENTRIES_BETWEEN, asked)
        pages: list[list[EntryPage]] = []
        at = 0
        for _, last in ranges:
            start = at
            while at < len(rows) and bytes(rows[at][0]) <= last:
                at += 1
            pages.append(list(_cut(rows[start:at])))
        return pages

    async def changed_entries(
        self, issuer: str, buckets: tuple[int, int], not_expired_at: int, after: int
    ) -> AsyncIterator[EntryPage]:
        """List those that changed past a count, in the order of their changes, page by page."""
        change, serial = after + 1, b""
        while rows := await self._database.fetch(
            _CHANGED_ENTRIES, issuer, change, serial, *buckets, not_expired_at, _ROWS
        ):
            change, serial = rows[-1][0], bytes(rows[-1][1])
            yield EntryPage(len(rows), b"".join([entry for *_, entry in rows]), serial)


def _cut(rows: Sequence[Row]) -> Iterator[EntryPage]:
    """Make pages of serial numbers and entries in order, each of one to two times the least."""
    size = math.ceil(len(rows) / max(1, len(rows) // _PAGE)) or 1
    for start in range(0, len(rows), size):
        page = rows[start : start + size]
        yield EntryPage(len(page), b"".join([entry for _, entry in page]), bytes(page[-1][0]))
