"""Notifying webhooks, called off the path of requests: a bounded queue that one task empties."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from newel.registration.metrics import Metrics
from newel.registration.webhooks.client import WebhookClient
from newel.registration.webhooks.hooks import Variables, Webhook
from newel.runtime.errors import NewelError

MOST = 10_000
"""Notifications that wait in one worker; more are dropped, counted and logged."""
_AT_ONCE = 16

_log = logging.getLogger("newel.registration.webhooks")


class Notification(NamedTuple):
    """One call that is owed."""

    hook: Webhook
    body: Callable[[], Mapping[str, Any]]
    variables: Variables
    request_id: str


class Notifications:
    """The calls that are owed. They are lost when the process ends: what must arrive is an alert."""

    def __init__(self, client: WebhookClient, metrics: Metrics, most: int = MOST) -> None:
        self._client = client
        self._metrics = metrics
        self._waiting: asyncio.Queue[Notification] = asyncio.Queue(most)
        self._is_full = False

    def add(self, notification: Notification) -> None:
        """Queue a call, or drop it when too many wait."""
        try:
            self._waiting.put_nowait(notification)
            self._is_full = False
        except asyncio.QueueFull:
            self._metrics.webhooks.labels(notification.hook.kind.value, "dropped").inc()
            if not self._is_full:
                _log.warning(
                    "notifications of webhooks are dropped: %d wait", self._waiting.maxsize
                )
            self._is_full = True

    async def run(self) -> None:
        """Call until cancelled, several at once, so that one that hangs delays no other."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            await self.send_next()

    async def send_next(self) -> None:
        """Wait for a call that is owed and make it."""
        hook, body, variables, request_id = await self._waiting.get()
        try:
            await self._client.call(hook, body(), variables, request_id)
        except NewelError as error:
            _log.warning("a notification was not delivered: %s", error.cause)
