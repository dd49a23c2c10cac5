"""What runs beside the answering: in every worker, and in one of them under a lease."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import grpc
import grpc.aio

from newel.runtime.background import every
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError
from newel.validation.answers import AnswerCache
from newel.validation.authorities import Authorities
from newel.validation.changes import Changes
from newel.validation.config import ReconcileConfig
from newel.validation.crls import CrlShelf
from newel.validation.delegation import UnfitResponderError
from newel.validation.metrics import Metrics
from newel.validation.publisher import Publisher
from newel.validation.reconcile import Reconciler
from newel.validation.status import StatusWriter

_log = logging.getLogger("newel.validation.upkeep")

_PUBLISH_EVERY = 1.0  # seconds: a revocation is on the CRL within five
_SWEEP_EVERY = 600.0  # seconds
_SWEPT_AT_ONCE = 5000  # rows


class Watch:
    """Every worker's own: is it able to answer, and what do its metrics say."""

    def __init__(
        self, authorities: Authorities, shelf: CrlShelf, changes: Changes, cache: AnswerCache,
        clock: Clock, metrics: Metrics, max_lag: int,
    ) -> None:  # fmt: skip
        self._authorities = authorities
        self._shelf = shelf
        self._changes = changes
        self._cache = cache
        self._clock = clock
        self._metrics = metrics
        self._max_lag = max_lag

    async def refresh(self) -> None:
        """Reads the responders' certificates again and shows where things stand."""
        now = int(self._clock.unix())
        self._metrics.lag.set(max(0, now - self._changes.agreed))
        self._metrics.cached.set(len(self._cache))
        for authority in self._authorities:
            await asyncio.to_thread(authority.delegation.refresh)
            self._metrics.responder_not_after.labels(authority.id).set(
                authority.delegation.fit_until(now)
            )
            crl = self._shelf.crl(authority.id)
            if crl is not None:
                self._metrics.crl_number.labels(authority.id).set(crl.number)
                self._metrics.crl_entries.labels(authority.id).set(crl.entries)
                self._metrics.crl_next_update.labels(authority.id).set(crl.next_update)

    async def ready(self) -> None:
        """Raises NewelError ``unavailable`` with what is missing."""
        now = int(self._clock.unix())
        if now >= self._changes.agreed + self._max_lag:
            raise _missing("revocations were not compared with the issuing authority's lately")
        for authority in self._authorities:
            try:
                authority.delegation.responder(now)
            except UnfitResponderError as unfit:
                raise _missing(f"no OCSP responder for {authority.id}: {unfit}") from None
            crl = self._shelf.crl(authority.id)
            if crl is None or now >= crl.next_update:
                raise _missing(f"no valid CRL of {authority.id} is published")


class Upkeep:
    """What one worker does for all, while it holds the lease."""

    def __init__(
        self, reconciler: Reconciler, publisher: Publisher, store: StatusWriter, clock: Clock,
        config: ReconcileConfig,
    ) -> None:  # fmt: skip
        self._reconciler = reconciler
        self._publisher = publisher
        self._store = store
        self._clock = clock
        self._config = config

    async def run(self) -> None:
        """Until cancelled, or until something fails that is nobody's ordinary absence."""
        # the first comparison of revocations says that all is known: issued certificates come first
        await _while_away(self._reconciler.certificates)
        await asyncio.gather(
            every(
                self._config.revoked_every.total_seconds(),
                lambda: _while_away(self._reconciler.revocations),
            )(),
            every(
                self._config.issued_every.total_seconds(),
                lambda: _while_away(self._reconciler.certificates),
            )(),
            every(_PUBLISH_EVERY, self._publisher.publish_due)(),
            every(_SWEEP_EVERY, self.sweep)(),
        )

    async def sweep(self) -> None:
        """Forgets certificates long expired."""
        expired_before = int(self._clock.unix() - self._config.keep_expired.total_seconds())
        await self._store.sweep(expired_before, _SWEPT_AT_ONCE)


async def _while_away(compare: Callable[[], Awaitable[None]]) -> None:
    """The issuing authority may be away: answers go on, and the lag grows where metrics show it."""
    try:
        await compare()
    except grpc.RpcError as error:
        code = error.code() if isinstance(error, grpc.aio.AioRpcError) else error
        _log.warning("the issuing authority's lists cannot be read: %s", code)


def _missing(what: str) -> NewelError:
    return NewelError(ErrorType.UNAVAILABLE, what)
