"""All SQL of the validation authority."""

from collections.abc import AsyncIterator, Sequence

from newel.proto import subjects
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.events.contract import Outbox
from newel.validation.crls import PublishedCRL
from newel.validation.status import CertificateKey, Counters, IssuedCertificate, Revocation, Status

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
    "INSERT INTO certificate_status (serial, issuer, not_after, revoked_at, reason, entry, change)"
    " VALUES ($1, $2, $3, $4, $5, $6, (SELECT value FROM counters WHERE name = 'change'))"
    " ON CONFLICT (serial, issuer) DO UPDATE SET revoked_at = excluded.revoked_at,"
    " reason = excluded.reason, entry = excluded.entry, change = excluded.change"
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
_LAST_CHANGE = Statement(
    "SELECT max(change) FROM certificate_status WHERE issuer = $1 AND change > $2"
)
_ENTRIES = Statement(
    "SELECT serial, entry FROM certificate_status"
    " WHERE issuer = $1 AND revoked_at IS NOT NULL AND serial > $2 AND not_after >= $3"
    " ORDER BY serial LIMIT $4"
)
_RESERVE = Statement(
    "INSERT INTO crls (issuer, number, this_update) VALUES ($1, $2, $3)"
    " ON CONFLICT (issuer, number) DO NOTHING RETURNING issuer"
)
_PUBLISH = Statement(
    "UPDATE crls SET this_update = $3, next_update = $4, change = $5, entries = $6, der = $7"
    " WHERE issuer = $1 AND number = $2"
)
_FORGET = Statement("DELETE FROM crls WHERE issuer = $1 AND number < $2")
_HIGHEST = Statement("SELECT max(number) FROM crls WHERE issuer = $1")
_LATEST = Statement(
    "SELECT number, this_update, next_update, change, entries, der FROM crls"
    " WHERE issuer = $1 AND der IS NOT NULL ORDER BY number DESC LIMIT 1"
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
                (*reversed(one.key), one.not_after, one.revoked_at, one.reason, one.entry)
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

    async def last_change(self, issuer: str, after: int) -> int | None:
        """Return the highest count past ``after`` at which a certificate of this issuer was revoked."""
        return (await self._database.fetch(_LAST_CHANGE, issuer, after))[0][0]

    async def entries(self, issuer: str, not_expired_at: int) -> AsyncIterator[list[bytes]]:
        """List the encoded revokedCertificates entries of an issuer, by serial, page by page."""
        last = b""
        while rows := await self._database.fetch(_ENTRIES, issuer, last, not_expired_at, _PAGE):
            yield [bytes(encoded) for _, encoded in rows]
            last = bytes(rows[-1][0])


class CRLStore:
    """The CRLs and their numbers: implements :class:`newel.validation.crls.CRLStore`."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def highest(self, issuer: str) -> int:
        """Return the highest number ever reserved for an issuer's CRLs; 0 before the first."""
        return (await self._database.fetch(_HIGHEST, issuer))[0][0] or 0

    async def reserve(self, issuer: str, number: int, now: int) -> bool:
        """Reserve a number for a CRL to be made; False when another worker was faster."""
        return await self._database.decide(Write(_RESERVE, (issuer, number, now))) is not None

    async def publish(self, crl: PublishedCRL, forget_below: int, event: bytes) -> None:
        """Store a signed CRL under its reserved number, and publish its event."""
        await self._database.apply(
            Write(_COUNT, ("crl",)),
            Write(
                _PUBLISH,
                (
                    crl.issuer,
                    crl.number,
                    crl.this_update,
                    crl.next_update,
                    crl.change,
                    crl.entries,
                    crl.der,
                ),
            ),
            Write(_FORGET, (crl.issuer, forget_below)),
            self._outbox.write(subjects.CRL_PUBLISHED, event),
        )
        self._outbox.wake()

    async def latest(self, issuer: str) -> PublishedCRL | None:
        """Return the signed CRL with the highest number."""
        rows = await self._database.fetch(_LATEST, issuer)
        if not rows:
            return None
        number, this_update, next_update, change, entries, der = rows[0]
        return PublishedCRL(issuer, number, this_update, next_update, change, entries, bytes(der))
