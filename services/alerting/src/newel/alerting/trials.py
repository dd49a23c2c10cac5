"""Tries a channel when an administrator asks: an alert that says it is a test is opened and resolved."""

import asyncio
import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

from newel.alerting.delivery import Channel, DeliveryError, send
from newel.alerting.notices import Message, Notice, Phase, Severity, message_key
from newel.runtime.clock import Clock
from newel.runtime.entropy import random_bytes
from newel.runtime.errors import ErrorType, NewelError


class Trials:
    """The channels by name, each tried by one administrator at a time."""

    def __init__(self, channels: Mapping[str, Channel], source: str, clock: Clock) -> None:
        self._channels = channels
        self._source = source
        self._clock = clock
        self._locks = {name: asyncio.Lock() for name in channels}

    async def run(self, name: str) -> str:
        """Send both messages at once, without a second attempt; return why that failed, "" otherwise.

        Raises NewelError for a channel that is unknown, with the names that there are, or is being tried.
        """
        if name not in self._channels:
            names = ", ".join(sorted(self._channels)) or "none is configured"
            detail = f"There is no channel of this name; there are: {names}."
            raise NewelError(ErrorType.NOT_FOUND, detail)
        if self._locks[name].locked():
            raise NewelError(ErrorType.RATE_LIMITED, "This channel is being tried already.")
        async with self._locks[name]:
            try:
                for message in self._messages(name):
                    await send(name, self._channels[name], message)
            except DeliveryError as error:
                return str(error)
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
            is_test=True,
        )
        phases = {Phase.OPENED: notice, Phase.RESOLVED: replace(notice, resolved_at=now)}
        return [
            Message(message_key(each.id, phase, channel), phase, each, self._source)
            for phase, each in phases.items()
        ]
