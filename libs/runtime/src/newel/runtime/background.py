"""Background work: every task is watched, restarted with growing pauses when it fails, and counted.

Work that is repeated says when it last succeeded. Work that has not for several of its periods has stalled:
readiness names it and a metric counts it, whether it fails, hangs or waits.
"""

import asyncio
import enum
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge

from newel.runtime.entropy import random_fraction
from newel.runtime.outages import Outage
from newel.runtime.service import Task

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0
CALM = 60.0
"""Seconds a task has to run before an earlier failure is forgotten."""

_PERIODS = 3
"""Periods without a success after which repeated work has stalled, with a grace for slow ones."""


class Failure(enum.Enum):
    """What repeated work returns when it failed and has said so itself."""

    REPORTED = "reported"


_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Pulse:
    """When repeated work last succeeded, by the loop's clock in seconds; since its start before that."""

    seconds: float
    succeeded_at: float


@dataclass(slots=True)
class _RepeatedWork:
    """The repeated work of a supervised task."""

    pulses: list[_Pulse] = field(default_factory=list[_Pulse])
    late_since: float | None = None
    """When the work that failed had last succeeded: what is started in its place is as late."""

    def restart(self) -> None:
        """Forget the work that failed: it is started again, or by another process that has the lease."""
        self.late_since = min(
            (pulse.succeeded_at for pulse in self.pulses), default=self.late_since
        )
        self.pulses.clear()

    def cancel(self, pulse: _Pulse) -> None:
        """Forget work that was cancelled: a lease was lost, and another process does it now."""
        if pulse in self.pulses:  # unless a restart was before it
            self.pulses.remove(pulse)
        self.late_since = None


_repeated: ContextVar[_RepeatedWork | None] = ContextVar("repeated", default=None)
"""The repeated work of the supervised task that the current code is part of."""


def add_jitter(seconds: float, share: float = 0.1) -> float:
    """Return a duration changed by up to ``share`` of itself either way, so that replicas fall out of step."""
    return seconds * (1 + share * (2 * random_fraction() - 1))


def repeat_every(
    seconds: float, function: Callable[[], Awaitable[object]], *, jitter: float = 0.1
) -> Task:
    """Return a task that calls a function until it is cancelled, with a jittered pause after each call."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        work = _repeated.get() or _RepeatedWork()
        since = work.late_since
        pulse = _Pulse(seconds, loop.time() if since is None else since)
        work.pulses.append(pulse)
        try:
            while True:
                if await function() is not Failure.REPORTED:
                    pulse.succeeded_at = loop.time()
                await asyncio.sleep(add_jitter(seconds, jitter))
        except asyncio.CancelledError:
            work.cancel(pulse)
            raise

    return run


class Supervisor:
    """The owner of a process's tasks. Nothing else creates tasks that outlive a request."""

    def __init__(self, registry: CollectorRegistry, grace: float = 30.0) -> None:
        """Count failures in ``registry``; ``grace`` is in seconds, for work that takes long."""
        self._grace = grace
        self._work: dict[str, _RepeatedWork] = {}
        self._stalled = Gauge(
            "newel_background_stalled",
            "1 while a repeated background task has not succeeded for several of its periods",
            ("task",),
            registry=registry,
        )
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
            self._work[full] = _RepeatedWork()
            self._stalled.labels(full).set_function(partial(self._is_stalled, full))
            self._tasks[full] = loop.create_task(self._watch(full, task), name=full)

    def find_stalled(self) -> dict[str, str]:
        """Return each repeated task that has stalled, with how long it has not succeeded."""
        now = asyncio.get_running_loop().time()
        return {
            name: f"it has not succeeded for {now - late.succeeded_at:.0f} s"
            f" (it is repeated every {late.seconds:g} s)"
            for name in self._work
            if (late := self._find_late(name, now)) is not None
        }

    def _is_stalled(self, name: str) -> bool:
        return self._find_late(name, time.monotonic()) is not None

    def _find_late(self, name: str, now: float) -> _Pulse | None:
        late = [
            pulse
            for pulse in self._work[name].pulses
            if now - pulse.succeeded_at > _PERIODS * pulse.seconds + self._grace
        ]
        return min(late, key=lambda pulse: pulse.succeeded_at, default=None)

    async def _watch(self, name: str, task: Task) -> None:
        loop = asyncio.get_running_loop()
        work = self._work[name]
        _repeated.set(work)
        pause = FIRST_PAUSE
        outage = Outage(_log, f"the background task {name}", task=name)
        while True:
            began = loop.time()
            work.restart()
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
