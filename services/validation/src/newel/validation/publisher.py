"""Publishes CRLs: when a certificate was revoked, and before the last CRL grows old.

It runs under a lease, in steps:
1. stop unless the issuing authority's list was compared recently
2. stop unless a revocation is not on the served CRL, or the CRL's period is over
3. reserve a number that no CRL ever had, by a unique row
4. read the entries: every revocation up to the count read *before* them is among them
5. lint; have it signed; verify the signature
6. store CRL, counter and event in one transaction, then the file and the cache
A crash between 3 and 6 leaves a gap in the numbers, which RFC 5280 §5.2.3 allows.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from google.protobuf.timestamp_pb2 import Timestamp

from newel.crypto import keys
from newel.crypto.keys import InvalidSignature
from newel.crypto.lint import LintError
from newel.proto.events.v1 import events_pb2
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock, is_future
from newel.runtime.errors import ErrorType, NewelError
from newel.validation.archive import CRLFolder
from newel.validation.crls import CRLCache, CRLStore, PublishedCRL
from newel.validation.issuers import Issuer
from newel.validation.metrics import Metrics
from newel.validation.status import RevokedReader

_log = logging.getLogger("newel.validation.publisher")

_PAUSE_AFTER_TOO_LARGE = 600
"""Seconds until a CRL that was too long is tried again: to build one takes seconds."""


Sign: TypeAlias = Callable[[str, bytes], Awaitable[bytes]]
"""Returns the signature of a named key over the DER of a TBSCertList."""


@dataclass(frozen=True, slots=True)
class CRLTimes:
    """Durations in seconds."""

    validity: int  # nextUpdate - thisUpdate
    period: int  # a new CRL at least this often
    max_lag: int  # how old the comparison with the issuing authority may be


class Publisher:
    """Publishes the CRLs of every issuer that it was given."""

    def __init__(
        self,
        issuers: Iterable[Issuer],
        times: CRLTimes,
        store: RevokedReader,
        crls: CRLStore,
        crl_cache: CRLCache,
        sign: Sign,
        folder: CRLFolder | None,
        clock: Clock,
        audit: Audit,
        metrics: Metrics,
    ) -> None:
        self._issuers = tuple(issuers)
        self._times = times
        self._store = store
        self._crls = crls
        self._crl_cache = crl_cache
        self._sign = sign
        self._folder = folder
        self._clock = clock
        self._audit = audit
        self._metrics = metrics
        self._paused: dict[str, float] = {}  # issuers whose CRL was too long, and until when

    async def publish_due(self) -> None:
        """Publish the CRLs that are due. One issuer's failure is logged and does not affect others."""
        counters = await self._store.counters()
        now = self._clock.unix()
        if now >= counters.agreed + self._times.max_lag or is_future(counters.agreed, now):
            return
        for issuer in self._issuers:
            try:
                if await self._is_due(issuer):
                    await self.publish(issuer, counters.change)
            except (NewelError, InvalidSignature, LintError, OSError) as error:
                cause = error.cause if isinstance(error, NewelError) else repr(error)
                _log.warning("no CRL could be published for %s: %s", issuer.id, cause)
                if isinstance(error, NewelError) and error.type is ErrorType.TOO_LARGE:
                    self._paused[issuer.id] = self._clock.unix() + _PAUSE_AFTER_TOO_LARGE
                self._metrics.crl_failures.inc()

    async def _is_due(self, issuer: Issuer) -> bool:
        now = self._clock.unix()
        if 0 < self._paused.get(issuer.id, 0) - now <= _PAUSE_AFTER_TOO_LARGE:
            return False
        crl = self._crl_cache.crl(issuer.id)
        if crl is None or now >= crl.this_update + self._times.period:
            return True
        if is_future(crl.this_update, now):  # signed while the clock ran ahead: clients refuse it
            return True
        return await self._store.last_change(issuer.id, crl.change) is not None

    async def publish(self, issuer: Issuer, change: int) -> None:
        """Publish one CRL that contains at least every revocation up to the count ``change``.

        Does nothing when another worker takes its number first. Raises NewelError when the signer
        or the database refuses, LintError, InvalidSignature, OSError when the file cannot be written.
        """
        now = int(self._clock.unix())
        number = await self._next_number(issuer.id, now)
        if not await self._crls.reserve(issuer.id, number, now):
            return
        crl = await self._build(issuer, number, now, change)
        await self._crls.publish(crl, self._forget_below(issuer.id, number), _event(crl))
        if self._folder is not None:
            await self._folder.write(crl)
        self._crl_cache.put(crl)
        self._audit.record(
            "crl.publish", "granted", issuer=crl.issuer, number=crl.number, entries=crl.entries
        )

    async def _next_number(self, issuer: str, now: int) -> int:
        """Return a number higher than any before, even after the database was restored.

        The cache and the folder still have numbers that a restored database lacks. Without them, the
        time is higher: numbers grow by one a second at most.
        """
        served = self._crl_cache.crl(issuer)
        used = [await self._crls.highest(issuer), served.number if served else 0]
        if self._folder is not None:
            used.append(await self._folder.number(issuer))
        return max(max(used) + 1, now)

    async def _build(self, issuer: Issuer, number: int, now: int, change: int) -> PublishedCRL:
        entries: list[bytes] = []
        async for page in self._store.entries(issuer.id, self._oldest_expiry(issuer.id, now)):
            entries += page
            await asyncio.sleep(
                0
            )  # a million entries take a second: clients are answered meanwhile
        next_update = min(now + self._times.validity, issuer.not_after)
        tbs = issuer.crls.tbs(
            number=number,
            this_update=dt.datetime.fromtimestamp(now, dt.UTC),
            next_update=dt.datetime.fromtimestamp(next_update, dt.UTC),
            entries=entries,
        )
        issuer.crl_linter.lint(tbs)
        signature = await self._sign(issuer.crl_key, tbs)
        keys.verify(issuer.public_key, signature, tbs)
        der = issuer.crls.assemble(tbs, signature)
        return PublishedCRL(issuer.id, number, now, next_update, change, len(entries), der)

    def _oldest_expiry(self, issuer: str, now: int) -> int:
        """Return the expiry before which entries are dropped from the CRL.

        RFC 5280 §3.3: an entry stays until one regularly scheduled CRL was issued past its expiry.
        """
        served = self._crl_cache.crl(issuer)
        scheduled = now - self._times.period
        return min(served.this_update, scheduled) if served else scheduled

    def _forget_below(self, issuer: str, number: int) -> int:
        """Return the number of the CRL before: it and the new one stay stored."""
        served = self._crl_cache.crl(issuer)
        return served.number if served else number


def _event(crl: PublishedCRL) -> bytes:
    return events_pb2.CrlPublished(
        issuer=crl.issuer,
        number=crl.number.to_bytes((crl.number.bit_length() + 7) // 8, "big"),
        this_update=Timestamp(seconds=crl.this_update),
        next_update=Timestamp(seconds=crl.next_update),
        entries=crl.entries,
    ).SerializeToString()
