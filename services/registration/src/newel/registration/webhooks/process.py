"""The webhooks of a process, built when the first provisioner has one: the template language is slow to load."""

import asyncio
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from newel.registration.metrics import Metrics
from newel.runtime.clock import Clock
from newel.runtime.egress import EgressPolicy
from newel.runtime.tls.server import ServerTLS

if TYPE_CHECKING:
    from newel.registration.webhooks.webhooks import WebhookCaller


class WebhookProcess:
    """What the webhooks of every provisioner share."""

    def __init__(
        self,
        policy: EgressPolicy,
        ca_file: Path | None,
        tls: ServerTLS,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._policy = policy
        self._ca_file = ca_file
        self._tls = tls
        self._clock = clock
        self._metrics = metrics
        self._is_used = asyncio.Event()
        self.roots: Sequence[str] = ()
        """PEM of this authority's roots, which webhooks may have their certificates from."""

    @cached_property
    def caller(self) -> "WebhookCaller":
        """The client and the queue of notifications."""
        from newel.registration.webhooks.client import WebhookClient
        from newel.registration.webhooks.notifications import Notifications
        from newel.registration.webhooks.webhooks import WebhookCaller

        client = WebhookClient(
            self._policy, self._ca_file, self._tls, self._read_roots, self._clock, self._metrics
        )
        self._is_used.set()
        return WebhookCaller(client, Notifications(client, self._metrics))

    def _read_roots(self) -> Sequence[str]:
        return self.roots

    async def run(self) -> None:
        """Deliver notifications until cancelled, once there are webhooks."""
        await self._is_used.wait()
        await self.caller.notifications.run()
