"""What the registration authority does beside its requests: start, stay informed, forget."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from newel.crypto import pem
from newel.registration.authority import Authority
from newel.registration.metrics import Metrics
from newel.registration.one_time import KEPT_AFTER_EXPIRY
from newel.registration.server_certificate import ServerCertificate
from newel.runtime.background import repeat_every
from newel.runtime.clock import Clock
from newel.runtime.database.lease import Lease, run_leased
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.service import Task
from newel.runtime.tls.server import ServerTLS

_SWEPT_AT_ONCE = 5_000
_SWEEP_EVERY = 60.0
_CERTIFICATE_EVERY = 15.0
_WAIT_FOR_ISSUING = 60.0
_TRY_AGAIN_AFTER = 0.5


class TokenStore(Protocol):
    """The part of the used tokens' table that needs looking after."""

    async def write_ends(self) -> None:
        """Writes ends of uses down as they come, until cancelled."""
        ...

    async def sweep(self, before: int, most: int) -> bool:
        """Forgets up to ``most`` tokens that expired before a time; whether there are more."""
        ...


class ProvisionerStore(Protocol):
    """Where the configured provisioners are written."""

    async def seed(self, records: Mapping[str, str], now: int) -> None:
        """Makes the configured provisioners (JSON by name) those of the configuration."""
        ...


@dataclass(frozen=True, slots=True)
class Maintenance:
    """The start hook and the background tasks."""

    authority: Authority
    provisioners: ProvisionerStore
    used: TokenStore
    certificate: ServerCertificate
    tls: ServerTLS
    lease: Lease
    clock: Clock
    metrics: Metrics
    forget_chains: Callable[[], None]
    """Called when issuers or their chains have changed."""

    async def start(self, configured: Mapping[str, str]) -> None:
        """Takes the configured provisioners over, waits for the issuing authority, and has the
        first certificate issued.
        """
        await self.provisioners.seed(configured, int(self.clock.unix()))
        await self.authority.refresh_provisioners()
        await _once_there(self._learn_issuers)
        await _once_there(self.certificate.renew)

    def tasks(self, provisioners_every: float, issuers_every: float) -> dict[str, Task]:
        """By name. Of all workers and replicas one sweeps; the others run everywhere."""
        sweeping = repeat_every(_SWEEP_EVERY, self._sweep)
        return {
            "provisioners": repeat_every(provisioners_every, self.authority.refresh_provisioners),
            "issuers": repeat_every(issuers_every, self._learn_issuers),
            "server-certificate": repeat_every(_CERTIFICATE_EVERY, self.certificate.keep),
            "ends-of-uses": self.used.write_ends,
            "used-tokens": functools.partial(run_leased, self.lease, sweeping),
        }

    async def ready(self) -> None:
        """Raises with what is missing."""
        if not self.authority.trust.active:
            raise NewelError(ErrorType.UNAVAILABLE, "no issuer is known")

    async def _learn_issuers(self) -> None:
        if await self.authority.refresh_trust():
            anchors = self.authority.trust.client_authorities
            self.forget_chains()
            self.tls.trust([pem.encode(der).decode() for der in anchors])

    async def _sweep(self) -> None:
        before = int(self.clock.unix()) - KEPT_AFTER_EXPIRY
        more = True
        while more:
            more = await self.used.sweep(before, _SWEPT_AT_ONCE)
        self.metrics.used_tokens_swept.inc()


async def _once_there(work: Callable[[], Awaitable[object]]) -> None:
    """Does the work as soon as the issuing authority answers; gives up after a minute."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _WAIT_FOR_ISSUING
    while True:
        try:
            await work()
            return
        except NewelError as error:
            if error.type is not ErrorType.UNAVAILABLE or loop.time() > end:
                raise
        await asyncio.sleep(_TRY_AGAIN_AFTER)
