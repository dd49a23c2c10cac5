"""Tries a channel when an administrator asks: an alert that says it is a test is opened and resolved."""

import asyncio
import datetime as dt
import logging
from collections.abc import Mapping

from newel.alerting.delivery import Channel, DeliveryError
from newel.alerting.notices import Message, Notice, Phase, Severity, message_key
from newel.runtime.clock import Clock
from newel.runtime.entropy import random_bytes
from newel.runtime.errors import ErrorType, NewelError

_log = logging.getLogger(__name__)


class Trials:
    """The channels by name, each tried by one administrator at a time."""

    def __init__(self, channels: Mapping[str, Channel], source: str, clock: Clock) -> None:
        self._channels = channels
        self._source = source
        self._clock = clock
        self._locks = {name: asyncio.Lock() for name in channels}

    def require(self, name: str) -> None:
        """Raise NewelError ``notFound``, with the names that there are, for another channel."""
        if name not in self._channels:
            names = ", ".join(sorted(self._channels)) or "none is configured"
            detail = f"There is no channel of this name; there are: {names}."
            raise NewelError(ErrorType.NOT_FOUND, detail)

    async def run(self, name: str) -> str:
        """Send both messages at once, without a second attempt; return why that failed, "" otherwise.

        Raises NewelError for a channel that is unknown, or is being tried.
        """
        self.require(name)
        if self._locks[name].locked():
            raise NewelError(ErrorType.RATE_LIMITED, "This channel is being tried already.")
        async with self._locks[name]:
            try:
                for message in self._messages(name):
                    await self._channels[name].send(message)
            except DeliveryError as error:
                return str(error)
            except Exception as error:  # noqa: BLE001 - the channel's own fault is what a trial is to find
                _log.exception("channel failed", extra={"channel": name})
                return f"internal: {type(error).__name__}"
        return ""

    def _messages(self, channel: str) -> list[Message]:
        now = self._clock.now().replace(microsecond=0)
        notice = Notice(
            id=f"test-{random_bytes(8).hex()}",
            endpoint="test",
            serial=b"\x00",
            subject=f"channel {channel}",
            names=(),
            provisioner="",
            not_before=now,
            not_after=now + dt.timedelta(days=1),
            life_passed=0.0,
            severity=Severity.WARNING,
            opened_at=now,
            resolved_at=now,
            is_test=True,
        )
        return [
            Message(message_key(notice.id, phase, channel), phase, notice, self._source)
            for phase in (Phase.OPENED, Phase.RESOLVED)
        ]
