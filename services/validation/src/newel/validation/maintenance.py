"""What one worker does for all: compare, publish, sweep."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import grpc

from newel.runtime.background import Failure, repeat_every
from newel.runtime.clock import Clock
from newel.runtime.errors import NewelError
from newel.runtime.rpc.wire import error_from_call
from newel.runtime.service import Task
from newel.validation.config import ReconcileConfig
from newel.validation.distribution import Distribution
from newel.validation.krl.parts import KRLParts
from newel.validation.publisher import Publisher
from newel.validation.reconcile import Reconciler
from newel.validation.status import StatusWriter

_log = logging.getLogger("newel.validation.maintenance")

PUBLISH_EVERY = 1.0  # seconds: a revocation is on the CRL within five
_SWEEP_EVERY = 600.0  # seconds
_SWEEP_BATCH = 5000  # rows


class Maintenance:
    """The background work of the worker that holds the lease."""

    def __init__(
        self,
        reconciler: Reconciler,
        publisher: Publisher,
        distribution: Distribution,
        store: StatusWriter,
        clock: Clock,
        config: ReconcileConfig,
        krl: KRLParts,
    ) -> None:
        self._reconciler = reconciler
        self._publisher = publisher
        self._distribution = distribution
        self._store = store
        self._clock = clock
        self._config = config
        self._krl = krl
        self._certificates_due = 0.0

    async def run(self) -> None:
        """Run until cancelled."""
        # before anything is compared, because a worker without a KRL is ready where there are no SSH CAs
        await keep_trying("reading the SSH CAs' keys", self._krl.reconciler.learn_issuers)()
        loops = (
            repeat_every(
                self._config.revoked_every.total_seconds(), keep_trying("comparing", self.compare)
            ),
            repeat_every(PUBLISH_EVERY, keep_trying("publishing", self._publisher.publish_due)),
            # by itself: a place out of reach does not hold the lists up that are served here
            repeat_every(PUBLISH_EVERY, self._distribution.distribute_due),
            repeat_every(
                self._config.revoked_every.total_seconds(),
                keep_trying("comparing SSH revocations", self.compare_ssh),
            ),
            repeat_every(
                PUBLISH_EVERY, keep_trying("publishing the KRL", self._krl.publisher.publish_due)
            ),
            repeat_every(_SWEEP_EVERY, keep_trying("sweeping", self.sweep)),
        )
        async with asyncio.TaskGroup() as group:  # unlike gather it takes the others down with one
            for loop in loops:
                group.create_task(_run(loop))

    async def compare(self) -> None:
        """Compare the store with the issuing authority's lists, and publish what that makes due.

        Certificates first: once revocations agree, a certificate that is not recorded is unknown.
        """
        now = self._clock.unix()
        pause = self._config.issued_every.total_seconds()
        if not 0 < self._certificates_due - now <= pause:  # also after a clock was put back
            await self._reconciler.compare_certificates()
            self._certificates_due = now + pause
        await self._reconciler.compare_revocations()
        await self._publisher.publish_due()

    async def compare_ssh(self) -> None:
        """Compare the revocations of SSH certificates likewise, and publish what that makes due."""
        await self._krl.reconciler.compare()
        await self._krl.publisher.publish_due()

    async def sweep(self) -> None:
        """Delete certificates that expired long ago."""
        expired_before = int(self._clock.unix() - self._config.keep_expired.total_seconds())
        await self._store.sweep(expired_before, _SWEEP_BATCH)
        await self._krl.store.sweep(expired_before, _SWEEP_BATCH)


def keep_trying(
    what: str, work: Callable[[], Awaitable[None]]
) -> Callable[[], Awaitable[Failure | None]]:
    """Wrap work so that a dependency that is out of reach fails one turn, and not the loop.

    The log says when the work begins to fail and when it succeeds again, not every time.
    """
    failing = False

    async def attempt() -> Failure | None:
        nonlocal failing
        try:
            await work()
        except (NewelError, grpc.RpcError) as error:
            refusal = error if isinstance(error, NewelError) else error_from_call(error)
            if not failing:
                _log.warning("%s failed, and will be tried again: %s", what, refusal.cause)
            failing = True
            return Failure.REPORTED
        if failing:
            _log.info("%s works again", what)
        failing = False
        return None

    return attempt


async def _run(task: Task) -> None:
    await task()
