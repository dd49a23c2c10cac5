"""Background work: every task is watched, restarted with growing pauses when it fails, and counted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import CollectorRegistry, Counter

from newel.runtime.entropy import random_fraction
from newel.runtime.outages import Outage
from newel.runtime.service import Task

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0
CALM = 60.0
"""Seconds a task has to run before an earlier failure is forgotten."""

_log = logging.getLogger(__name__)


def add_jitter(seconds: float, share: float = 0.1) -> float:
    """Return a duration changed by up to ``share`` of itself either way, so that replicas fall out of step."""
    return seconds * (1 + share * (2 * random_fraction() - 1))


def repeat_every(
    seconds: float, function: Callable[[], Awaitable[object]], *, jitter: float = 0.1
) -> Task:
    """Return a task that calls a function until it is cancelled, with a jittered pause after each call."""

    async def run() -> None:
        while True:
            await function()
            await asyncio.sleep(add_jitter(seconds, jitter))

    return run


class Supervisor:
    """The owner of a process's tasks. Nothing else creates tasks that outlive a request."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._failures = Counter(
            "newel_background_failures_total",
            "Background tasks that raised and were started again",
            ("task",),
            registry=registry,
        )
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, tasks: Mapping[str, Task], owner: str) -> None:
        """Start every task of a service; their names are ``owner.name``."""
        loop = asyncio.get_running_loop()
        for name, task in tasks.items():
            full = f"{owner}.{name}"
            self._tasks[full] = loop.create_task(self._watch(full, task), name=full)

    async def _watch(self, name: str, task: Task) -> None:
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE
        outage = Outage(_log, f"the background task {name}", task=name)
        while True:
            began = loop.time()
            try:
                await task()
            except Exception as error:  # noqa: BLE001 - whatever it was, the work has to go on
                self._failures.labels(name).inc()
                if loop.time() - began > CALM:
                    pause = FIRST_PAUSE
                    outage.note_recovery()
                outage.note_failure(error)
            else:
                return
            await asyncio.sleep(add_jitter(pause))
            pause = min(pause * 2, LONGEST_PAUSE)

    async def stop(self) -> None:
        """Cancel every task and wait until each has ended."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
