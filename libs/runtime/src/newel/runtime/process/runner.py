"""Services in one process: start, listen, work, drain.

The order matters: hooks run before anything listens, tasks start with the listeners, and on SIGTERM or
SIGINT the process first reports that it is not ready, then stops accepting, finishes what it has, ends its
tasks and closes databases and keys last.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from newel.runtime.background import Supervisor
from newel.runtime.config import ConfigError
from newel.runtime.errors import NewelError
from newel.runtime.health import Health
from newel.runtime.http.listener import Listener
from newel.runtime.process import sd_notify
from newel.runtime.process.parent import end_with_parent, take_lifeline
from newel.runtime.service import Hook, Service
from newel.runtime.system_errors import describe

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Process:
    """The services of one process. ``listeners`` are bound already, so that an address in use fails early."""

    services: Sequence[Service]
    listeners: Sequence[Listener]
    health: Health
    registry: CollectorRegistry
    rpc_start: Hook | None = None  # starts serving gRPC
    rpc_stop: Hook | None = None  # drains it
    reload: Hook | None = None  # SIGHUP
    on_ready: Callable[[], None] = lambda: None
    on_stop: Callable[[], None] = lambda: None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Run until the process is told to stop and has drained."""
        stay_without_parent = end_with_parent(take_lifeline())
        supervisor = Supervisor(self.registry)
        self.health.reports["stalled"] = supervisor.find_stalled
        for service in self.services:
            self.health.reports.update(service.reports)
        done: list[Hook] = []
        try:
            for service in self.services:
                for hook in service.start:
                    await hook()
                done[:0] = reversed(service.stop)
            if self.rpc_start:
                await self.rpc_start()
            with handle_signals(self.stopping, self.reload):
                await self._serve(supervisor)
        finally:
            stay_without_parent()
            if self.rpc_stop:
                await run_quietly("rpc", self.rpc_stop)
            await supervisor.stop()
            for hook in done:
                await run_quietly("stop hook", hook)

    async def _serve(self, supervisor: Supervisor) -> None:
        async with asyncio.TaskGroup() as group:
            serving = [group.create_task(listener.listen()) for listener in self.listeners]
            for service in self.services:
                supervisor.start(service.tasks, service.name)
            while not all(listener.started for listener in self.listeners):  # noqa: ASYNC110 - uvicorn has a flag
                await asyncio.sleep(0.005)
            self.on_ready()
            sd_notify.notify(sd_notify.READY)
            await self.stopping.wait()
            self.on_stop()
            sd_notify.notify(sd_notify.STOPPING)
            self.health.draining = True
            for listener in self.listeners:
                listener.stop()
            await asyncio.gather(*serving)


async def run_quietly(what: str, hook: Callable[[], Awaitable[None]]) -> None:
    """Run a hook of the shutdown; a failure is logged, and the others still run."""
    try:
        await hook()
    except Exception:  # noqa: BLE001 - the others still have to stop
        _log.exception("shutting down failed", extra={"part": what})


async def reload_or_keep(reload: Hook) -> None:
    """Reload; an invalid configuration changes nothing, and one line says why."""
    sd_notify.notify(sd_notify.reload_state())
    try:
        await reload()
    except NewelError as error:
        _log.error("not reloaded: %s; continuing with the previous configuration", error.cause)
    except OSError as error:
        _log.error("not reloaded: %s; continuing with the previous configuration", describe(error))
    except (ConfigError, ValueError) as error:
        _log.error("not reloaded: %s; continuing with the previous configuration", error)
    except Exception:  # noqa: BLE001 - a fault must not end what is being served either
        _log.exception("not reloaded; continuing with the previous configuration")
    finally:
        sd_notify.notify(sd_notify.READY)


@contextlib.contextmanager
def handle_signals(stopping: asyncio.Event, reload: Hook | None) -> Generator[None]:
    """Set the event on SIGTERM and SIGINT; reload on SIGHUP. A second SIGINT ends the process at once.

    A reload that raises changes nothing: the hook applies all of what it read, or none.
    """
    loop = asyncio.get_running_loop()
    reloading: set[asyncio.Task[None]] = set()

    def stop() -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()

    def reload_again() -> None:
        if reload:
            task = loop.create_task(reload_or_keep(reload))
            reloading.add(task)
            task.add_done_callback(reloading.discard)

    handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload_again}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
