"""Publishes CRLs: when a certificate was revoked, and before the last CRL grows old.

It runs under a lease, in steps:
1. stop unless the issuing authority's list was compared recently
2. stop unless a revocation is not on the served CRL, or the CRL's period is over
3. reserve a number that no CRL of the scope ever had, by a unique row
4. read the entries, or those that changed: every revocation up to the count read *before* is among them
5. lint; have it signed; verify the signature; the same for the delta CRL
6. store both, counter and event in one transaction, then the cache
A crash between 3 and 6 leaves a gap in the numbers, which RFC 5280 §5.2.3 allows.
"""

import datetime as dt
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from google.protobuf.timestamp_pb2 import Timestamp

from newel.crypto import keys
from newel.crypto.keys import InvalidSignature
from newel.crypto.lint import LintError
from newel.proto.events.v1 import events_pb2
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock, is_future
from newel.runtime.errors import ErrorType, NewelError
from newel.validation.bases import PastCRL, select_base
from newel.validation.crls import CRLCache, CRLStore, PublishedCRL
from newel.validation.distribution import Distribution
from newel.validation.entry_reader import Entries, EntryReader
from newel.validation.metrics import Metrics
from newel.validation.recent_changes import RecentChanges
from newel.validation.scopes import Scope
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
    """Publishes the CRLs of every scope that it was given."""

    def __init__(
        self,
        scopes: Iterable[Scope],
        times: CRLTimes,
        store: RevokedReader,
        crls: CRLStore,
        crl_cache: CRLCache,
        sign: Sign,
        distribution: Distribution,
        clock: Clock,
        audit: Audit,
        metrics: Metrics,
    ) -> None:
        self._scopes = tuple(scopes)
        self._times = times
        self._store = store
        self._recent = RecentChanges(store)
        self._reader = EntryReader(store, times.period)
        self._crls = crls
        self._crl_cache = crl_cache
        self._sign = sign
        self._distribution = distribution
        self._clock = clock
        self._audit = audit
        self._metrics = metrics
        self._paused: dict[str, float] = {}  # scopes whose CRL was too long, and until when

    async def publish_due(self) -> None:
        """Publish the CRLs that are due. One scope's failure is logged and does not affect others."""
        counters = await self._store.counters()
        now = self._clock.unix()
        if now >= counters.agreed + self._times.max_lag or is_future(counters.agreed, now):
            return
        await self._recent.read(counters.change)
        for scope in self._scopes:
            try:
                if self._is_due(scope):
                    await self.publish(scope, counters.change)
            except (NewelError, InvalidSignature, LintError, OSError) as error:
                cause = error.cause if isinstance(error, NewelError) else repr(error)
                _log.warning("no CRL could be published for %s: %s", scope.id, cause)
                if isinstance(error, NewelError) and error.type is ErrorType.TOO_LARGE:
                    self._paused[scope.id] = self._clock.unix() + _PAUSE_AFTER_TOO_LARGE
                self._metrics.crl_failures.inc()

    def _is_due(self, scope: Scope) -> bool:
        now = self._clock.unix()
        if 0 < self._paused.get(scope.id, 0) - now <= _PAUSE_AFTER_TOO_LARGE:
            return False
        crl = self._crl_cache.crl(scope.id)
        if crl is None or now >= crl.this_update + self._times.period:
            return True
        if is_future(crl.this_update, now):  # signed while the clock ran ahead: clients refuse it
            return True
        if self._distribution.is_ahead(crl) or bool(crl.delta) != scope.has_deltas:
            return True
        return self._recent.has_changed(scope.issuer.id, scope.buckets, crl.change)

    async def publish(self, scope: Scope, change: int) -> None:
        """Publish one CRL that contains at least every revocation up to the count ``change``.

        Does nothing when another worker takes its number first. Raises NewelError when the signer
        or the database refuses, LintError, InvalidSignature.
        """
        now = int(self._clock.unix())
        number = await self._next_number(scope.id, now)
        if not await self._crls.reserve(scope.id, number, now):
            return
        past = await self._crls.history(scope.id)
        base, obsolete = select_base(past, now, self._times.period, self._times.validity)
        entries = await self._reader.read(
            scope,
            self._crl_cache.crl(scope.id),
            change,
            self._oldest_expiry(scope.id, now),
            now,
        )
        crl = await self._build(scope, number, now, change, entries)
        if scope.has_deltas:
            crl = await self._add_delta(scope, crl, base or PastCRL(number, now, change))
        forget_below = self._forget_below(scope.id, number)
        await self._crls.publish(
            crl, forget_below, obsolete, _event(scope, crl, self._times.period)
        )
        self._crl_cache.put(crl)
        self._reader.keep(scope, crl, entries)
        self._audit.record(
            "crl.publish", "granted", issuer=crl.scope, number=crl.number, entries=crl.entries
        )

    async def _next_number(self, scope: str, now: int) -> int:
        """Return a number higher than any before, even after the database was restored.

        The cache and the places that lists are published at still have numbers that a restored database
        lacks. Without them, the time is higher: numbers grow by one a second at most.
        """
        served = self._crl_cache.crl(scope)
        used = (
            await self._crls.highest(scope),
            served.number if served else 0,
            await self._distribution.find_number(scope),
        )
        return max(max(used) + 1, now)

    async def _build(
        self, scope: Scope, number: int, now: int, change: int, entries: Entries
    ) -> PublishedCRL:
        next_update = min(now + self._times.validity, scope.issuer.not_after)
        tbs = _encode(scope, number, now, next_update, entries.octets)
        entries.octets.clear()  # they are in the list now, once
        der = await self._sign_list(scope, tbs)
        return PublishedCRL(scope.id, number, now, next_update, change, entries.count, der)

    async def _add_delta(self, scope: Scope, crl: PublishedCRL, base: PastCRL) -> PublishedCRL:
        """Add the delta CRL, read after the complete one: it lacks nothing that is on that."""
        expiry = self._oldest_expiry(scope.id, crl.this_update)
        changed = self._store.changed_entries(scope.issuer.id, scope.buckets, expiry, base.change)
        listed = [page.octets async for page in changed]
        tbs = _encode(scope, crl.number, crl.this_update, crl.next_update, listed, base.number)
        return replace(crl, base=base.number, delta=await self._sign_list(scope, tbs))

    async def _sign_list(self, scope: Scope, tbs: bytes) -> bytes:
        issuer = scope.issuer
        issuer.crl_linter.lint(tbs)
        signature = await self._sign(issuer.crl_key, tbs)
        keys.verify(issuer.public_key, signature, tbs)
        return scope.encoder.assemble(tbs, signature)

    def _oldest_expiry(self, scope: str, now: int) -> int:
        """Return the expiry before which entries are dropped from the CRL.

        RFC 5280 §3.3: an entry stays until one regularly scheduled CRL was issued past its expiry.
        """
        served = self._crl_cache.crl(scope)
        scheduled = now - self._times.period
        return min(served.this_update, scheduled) if served else scheduled

    def _forget_below(self, scope: str, number: int) -> int:
        """Return the number of the CRL before: it and the new one stay stored."""
        served = self._crl_cache.crl(scope)
        return served.number if served else number


def _encode(
    scope: Scope,
    number: int,
    this_update: int,
    next_update: int,
    entries: Iterable[bytes | memoryview],
    base: int | None = None,
) -> bytes:
    return scope.encoder.tbs(
        number=number,
        this_update=dt.datetime.fromtimestamp(this_update, dt.UTC),
        next_update=dt.datetime.fromtimestamp(next_update, dt.UTC),
        entries=entries,
        base=base,
    )


def _event(scope: Scope, crl: PublishedCRL, period: int) -> bytes:
    return events_pb2.CrlPublished(
        issuer=scope.issuer.id,
        number=crl.number.to_bytes((crl.number.bit_length() + 7) // 8, "big"),
        this_update=Timestamp(seconds=crl.this_update),
        next_update=Timestamp(seconds=crl.next_update),
        entries=crl.entries,
        scope=scope.id,
        due=Timestamp(seconds=crl.this_update + period),
    ).SerializeToString()
