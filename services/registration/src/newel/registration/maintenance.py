"""The start hook and the background tasks of the registration authority."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from newel.crypto import pem
from newel.registration.authority import Authority
from newel.registration.metrics import Metrics
from newel.registration.server_certificate import ServerCertificate
from newel.registration.storage import UsedTokenTable
from newel.registration.webhooks.process import WebhookProcess
from newel.runtime.background import repeat_every
from newel.runtime.clock import Clock
from newel.runtime.database.lease import Lease, run_leased
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.service import Task
from newel.runtime.tls.server import ServerTLS

_SWEEP_BATCH = 5_000
_SWEEP_INTERVAL = 60.0
_CERTIFICATE_INTERVAL = 15.0
_MAX_START_WAIT = 60.0
_RETRY_PAUSE = 0.5


@dataclass(frozen=True, slots=True)
class Maintenance:
    """The start hook and the background tasks."""

    authority: Authority
    used: UsedTokenTable
    certificate: ServerCertificate
    tls: ServerTLS
    lease: Lease
    clock: Clock
    metrics: Metrics
    forget_chains: Callable[[], None]
    """Called when issuers or their chains change."""
    webhooks: WebhookProcess
    accepted: list[bytes] = field(default_factory=list[bytes])
    """DER of the CAs whose client certificates the listener accepts."""

    async def start(self) -> None:
        """Read the provisioners and have the first server certificate issued.

        Waits for the issuing authority.
        """
        await self.used.read_fence()
        await self.authority.refresh_provisioners()
        await _wait_for_issuing(self._refresh_issuers)
        await _wait_for_issuing(self.certificate.renew)

    def tasks(self, provisioner_interval: float, issuer_interval: float) -> dict[str, Task]:
        """Return the tasks by name. One of all workers and replicas sweeps; the rest runs in each."""
        sweeping = repeat_every(_SWEEP_INTERVAL, self._sweep)
        return {
            "provisioners": repeat_every(provisioner_interval, self._refresh_provisioners),
            "issuers": repeat_every(issuer_interval, self._refresh_issuers),
            "server-certificate": repeat_every(
                _CERTIFICATE_INTERVAL, self.certificate.renew_when_due
            ),
            "ends-of-uses": self.used.flush_forever,
            "used-tokens": functools.partial(run_leased, self.lease, sweeping),
        }

    async def ready(self) -> None:
        """Raise ``unavailable`` until an issuer is known."""
        if not self.authority.trust.active:
            raise NewelError(ErrorType.UNAVAILABLE, "no issuer is known")

    async def _refresh_issuers(self) -> None:
        if await self.authority.refresh_trust():
            self.forget_chains()
            self.webhooks.roots = [pem.encode(der).decode() for der in self.authority.trust.roots]
        self._trust_clients()

    async def _refresh_provisioners(self) -> None:
        await self.authority.refresh_provisioners()
        self._trust_clients()

    def _trust_clients(self) -> None:
        """Let the listener accept client certificates of the present issuers and mTLS provisioners."""
        anchors = self.authority.client_authorities
        if anchors != self.accepted:
            self.tls.trust([pem.encode(der).decode() for der in anchors])
            self.accepted[:] = anchors

    async def _sweep(self) -> None:
        while await self.used.sweep(self.clock.now(), _SWEEP_BATCH):
            pass
        self.metrics.used_tokens_swept.inc()


async def _wait_for_issuing(work: Callable[[], Awaitable[object]]) -> None:
    """Repeat the work until the issuing authority answers; give up after a minute."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _MAX_START_WAIT
    while True:
        try:
            await work()
        except NewelError as error:
            if error.type is not ErrorType.UNAVAILABLE or loop.time() > end:
                raise
        else:
            return
        await asyncio.sleep(_RETRY_PAUSE)
