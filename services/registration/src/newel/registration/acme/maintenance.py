"""Periodic work of one process of all: resume what a crash left behind, delete what has expired."""

import asyncio
import itertools
import logging

from newel.registration.acme import ids
from newel.registration.acme.config import Limits
from newel.registration.acme.finalization import Finalizer
from newel.registration.acme.nonces import Nonces
from newel.registration.acme.storage import Storage
from newel.registration.acme.validations import Validations
from newel.runtime.background import add_jitter
from newel.runtime.clock import Clock

_log = logging.getLogger("newel.registration.acme")

_PAUSE = 5.0  # seconds
_ROUNDS_PER_SWEEP = 12
_BATCH = 1000  # rows of a table deleted in one transaction, so that requests pass between


class Maintenance:
    """Short rounds that may be repeated at any time; a lease keeps processes from doing them twice."""

    def __init__(
        self,
        storage: Storage,
        nonces: Nonces,
        validations: Validations,
        finalizer: Finalizer,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._storage = storage
        self._nonces = nonces
        self._validations = validations
        self._finalizer = finalizer
        self._limits = limits
        self._clock = clock

    async def run(self) -> None:
        """Work in rounds until cancelled."""
        for number in itertools.count():
            await self.recover()
            if number % _ROUNDS_PER_SWEEP == 0:
                await self.sweep()
            await asyncio.sleep(add_jitter(_PAUSE))

    async def recover(self) -> None:
        """Resume validations and finalizations that were left behind."""
        validations = await self._validations.recover()
        finalizations = await self._finalizer.resume_all()
        if validations or finalizations:
            _log.info(
                "resumed after the restart: %d validations, %d finalizations",
                validations,
                finalizations,
            )

    async def sweep(self) -> None:
        """Delete used nonces that have expired, and orders past their retention."""
        await self._storage.rates.forget(self._clock.now())
        oldest = ids.floor(self._clock.now() - self._limits.retention)
        while await self._storage.sweep(self._nonces.expired_before(), oldest, _BATCH) == _BATCH:
            pass
