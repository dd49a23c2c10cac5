"""Makes CRLs: when something was revoked, and before the last one grows old.

Runs under a lease. In steps:
1. not from stale knowledge: the issuing authority's list was compared lately
2. due? a revocation past the mark of the CRL on the shelf, or its period is over
3. a number that no CRL ever had is reserved by a unique row
4. entries: every revocation up to the mark read *before* them is among them
5. linted; the signer signs; the signature is verified
6. CRL, mark and event are stored in one unit; then file and shelf
A crash between 3 and 6 leaves a gap in the numbers, which RFC 5280 §5.2.3 allows.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from newel.crypto import keys
from newel.crypto.keys import InvalidSignature
from newel.crypto.lint import LintError
from newel.proto.events.v1 import events_pb2
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock, is_future
from newel.runtime.errors import ErrorType, NewelError
from newel.validation.authorities import Authority
from newel.validation.crls import CrlShelf, CrlStore, PublishedCrl
from newel.validation.metrics import Metrics
from newel.validation.status import RevokedReader

_log = logging.getLogger("newel.validation.publisher")

_TOO_LONG_PAUSE = 600
"""Seconds until a list that was too long is made again, as expired entries leave it: it costs seconds to make."""


class CrlSigner(Protocol):
    """Who signs."""

    async def crl(self, key: str, tbs: bytes) -> bytes:
        """The signature of the signer's key ``key`` over the DER of a TBSCertList."""
        ...


class CrlArchive(Protocol):
    """A place outside the database where the last CRL of every issuer is kept."""

    async def number(self, issuer: str) -> int:
        """The number of the kept CRL, 0 when there is none."""
        ...

    async def keep(self, crl: PublishedCrl) -> None:
        """Keeps this CRL in the place of the one before."""
        ...


@dataclass(frozen=True, slots=True)
class CrlTimes:
    """Seconds."""

    validity: int  # nextUpdate - thisUpdate
    period: int  # a new CRL at least this often
    max_lag: int  # no CRL from knowledge older than this


class Publisher:
    """Publishes for every authority it was given."""

    def __init__(
        self, authorities: Iterable[Authority], times: CrlTimes, store: RevokedReader,
        crls: CrlStore, shelf: CrlShelf, signer: CrlSigner, archive: CrlArchive | None,
        clock: Clock, audit: Audit, metrics: Metrics,
    ) -> None:  # fmt: skip
        self._authorities = tuple(authorities)
        self._times = times
        self._store = store
        self._crls = crls
        self._shelf = shelf
        self._signer = signer
        self._archive = archive
        self._clock = clock
        self._audit = audit
        self._metrics = metrics
        self._paused: dict[str, float] = {}  # issuers whose list was too long, until when

    async def publish_due(self) -> None:
        """Publishes what is due. One issuer's failure is logged, counted and nobody else's."""
        marks = await self._store.marks()
        now = self._clock.unix()
        if now >= marks.agreed + self._times.max_lag or is_future(marks.agreed, now):
            return
        for authority in self._authorities:
            try:
                if await self._is_due(authority):
                    await self.publish(authority, marks.change)
            except (NewelError, InvalidSignature, LintError, OSError) as error:
                cause = error.cause if isinstance(error, NewelError) else repr(error)
                _log.warning("no CRL could be published for %s: %s", authority.id, cause)
                if isinstance(error, NewelError) and error.type is ErrorType.TOO_LARGE:
                    self._paused[authority.id] = self._clock.unix() + _TOO_LONG_PAUSE
                self._metrics.crl_failures.inc()

    async def _is_due(self, authority: Authority) -> bool:
        now = self._clock.unix()
        if 0 < self._paused.get(authority.id, 0) - now <= _TOO_LONG_PAUSE:
            return False
        crl = self._shelf.crl(authority.id)
        if crl is None or now >= crl.this_update + self._times.period:
            return True
        if is_future(crl.this_update, now):  # made while the clock ran ahead: clients refuse it
            return True
        return await self._store.last_change(authority.id, crl.change) is not None

    async def publish(self, authority: Authority, change: int) -> None:
        """Makes and publishes one CRL with every revocation up to the mark ``change``, at least.

        Does nothing when another worker takes its number first. Raises NewelError when the signer
        or the database refuses, LintError, InvalidSignature, OSError when the archive cannot be written.
        """
        now = int(self._clock.unix())
        number = await self._next_number(authority.id, now)
        if not await self._crls.reserve(authority.id, number, now):
            return
        crl = await self._make(authority, number, now, change)
        await self._crls.publish(crl, self._forget_below(authority.id, number), _event(crl))
        if self._archive is not None:
            await self._archive.keep(crl)
        self._shelf.put(crl)
        self._audit.record(
            "crl.publish", "granted", issuer=crl.issuer, number=crl.number, entries=crl.entries
        )

    async def _next_number(self, issuer: str, now: int) -> int:
        """Higher than any before, whatever became of the database.

        The shelf and the archive remember what a restored database has forgotten. Where both are
        gone too, the time is higher: numbers grow by one a second at most.
        """
        served = self._shelf.crl(issuer)
        used = [await self._crls.highest(issuer), served.number if served else 0]
        if self._archive is not None:
            used.append(await self._archive.number(issuer))
        return max(max(used) + 1, now)

    async def _make(self, authority: Authority, number: int, now: int, change: int) -> PublishedCrl:
        entries: list[bytes] = []
        async for page in self._store.entries(authority.id, self._oldest_expiry(authority.id, now)):
            entries += page
            await asyncio.sleep(
                0
            )  # a million entries take a second: clients are answered meanwhile
        next_update = min(now + self._times.validity, authority.not_after)
        tbs = authority.crls.tbs(
            number=number,
            this_update=dt.datetime.fromtimestamp(now, dt.UTC),
            next_update=dt.datetime.fromtimestamp(next_update, dt.UTC),
            entries=entries,
        )
        authority.crl_linter.lint(tbs)
        signature = await self._signer.crl(authority.crl_key, tbs)
        keys.verify(authority.public_key, signature, tbs)
        der = authority.crls.signed(tbs, signature)
        return PublishedCrl(authority.id, number, now, next_update, change, len(entries), der)

    def _oldest_expiry(self, issuer: str, now: int) -> int:
        """Entries that expired before this have been on a CRL made after they expired, and go.

        RFC 5280 §3.3: not before one regularly scheduled CRL was issued past the expiry.
        """
        served = self._shelf.crl(issuer)
        scheduled = now - self._times.period
        return min(served.this_update, scheduled) if served else scheduled

    def _forget_below(self, issuer: str, number: int) -> int:
        """The number of the CRL before: it and the new one stay stored."""
        served = self._shelf.crl(issuer)
        return served.number if served else number


def _event(crl: PublishedCrl) -> bytes:
    return events_pb2.CrlPublished(
        issuer=crl.issuer,
        number=crl.number.to_bytes((crl.number.bit_length() + 7) // 8, "big"),
        this_update=Timestamp(seconds=crl.this_update),
        next_update=Timestamp(seconds=crl.next_update),
        entries=crl.entries,
    ).SerializeToString()
