"""Keys that wait to be worked on: each once at a time, and again after a pause that grows.

A key that changes while it is worked on is worked on once more afterwards. One that waits for its next
try is not tried earlier because it is added again, unless the caller says that something changed.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from newel.kubernetes.errors import APIError, ControllerError, describe_outage
from newel.runtime.background import add_jitter
from newel.runtime.outages import Outage

Key = TypeVar("Key", bound=Hashable)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds before the second try, and the most there are between two."""

_log = logging.getLogger(__name__)


class WorkQueue(Generic[Key]):
    """The keys of one kind of work."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._queued: set[Key] = set()
        self._active: set[Key] = set()
        self._again: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._outage = Outage(_log, f"working on {name}")

    def __len__(self) -> int:
        """Return how many keys wait, now or for their next try."""
        return len(self._queued) + len(self._timers)

    def add(self, key: Key, *, changed: bool = False) -> None:
        """Have a key worked on soon; at once and without a memory of failures where it ``changed``."""
        if changed:
            self._failures.pop(key, None)
            self._stop_timer(key)
        if key in self._active:
            if changed:
                self._again.add(key)
        elif key not in self._queued and key not in self._timers:
            self._queued.add(key)
            self._ready.put_nowait(key)

    def add_later(self, key: Key, seconds: float) -> None:
        """Have a key worked on after a pause, unless it is worked on earlier."""
        self._stop_timer(key)
        loop = asyncio.get_running_loop()
        self._timers[key] = loop.call_later(add_jitter(seconds), self._end_pause, key)

    def forget(self, key: Key) -> None:
        """Forget a key that there is nothing to do for any more."""
        self._failures.pop(key, None)
        self._again.discard(key)
        self._stop_timer(key)

    def note_success(self, key: Key) -> None:
        """Forget the failures of a key, and nothing else: it may have changed while it was worked on."""
        self._failures.pop(key, None)

    def pause(self, key: Key) -> float:
        """Count a failure of a key, and return the pause before its next try in seconds."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        return min(FIRST_PAUSE * 2 ** min(failures - 1, 16), LONGEST_PAUSE)

    async def run(self, work: Callable[[Key], Awaitable[float | None]], workers: int) -> None:
        """Work on keys until cancelled.

        ``work`` returns the seconds after which the key is worked on again, or None. What it raises is
        logged, and the key is tried again after the next longer pause.
        """
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._run_worker(work))

    async def _run_worker(self, work: Callable[[Key], Awaitable[float | None]]) -> None:
        while True:
            key = await self._ready.get()
            self._queued.discard(key)
            self._active.add(key)
            try:
                later = await work(key)
            except (APIError, ControllerError) as error:
                self._outage.note_failure(describe_outage(error))
                later = self.pause(key)
            except Exception as error:  # noqa: BLE001 - one key's fault does not end the others' work
                self._outage.note_failure(error)
                later = self.pause(key)
            else:
                self._outage.note_recovery()
            finally:
                self._active.discard(key)
            if key in self._again:
                self._again.discard(key)
                self.add(key)
            elif later is not None:
                self.add_later(key, later)

    def _end_pause(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _stop_timer(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
