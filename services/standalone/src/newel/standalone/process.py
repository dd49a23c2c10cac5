"""One process of the embedded authority: its listeners and its services."""

import gc
import logging
import sys
from typing import Any, Protocol

from newel.runtime import logs
from newel.runtime.clock import SystemClock
from newel.runtime.config import ConfigError
from newel.runtime.http.admission import ConnectionMetrics
from newel.runtime.http.connection_limits import ConnectionLimits
from newel.runtime.http.listener import Listener, bind
from newel.runtime.http.worker_counts import WorkerCounts
from newel.runtime.process.runner import Process
from newel.runtime.shared_table import SharedTable
from newel.standalone import models
from newel.standalone.addresses import metrics_address
from newel.standalone.app import Standalone, build
from newel.standalone.banner import banner
from newel.standalone.layout import Layout
from newel.standalone.options import Options
from newel.standalone.settings import Settings, read_settings

_log = logging.getLogger("newel.standalone")

COLLECT_AFTER = (20_000, 20, 50)
"""Far fewer looks for cycles than the default: a request makes many objects and hardly any cycle."""


class Reporter(Protocol):
    """Tells the operator what the process does, beside the log."""

    def announce(self, settings: Settings, https: str, http: str, metrics: str) -> None:
        """Say that it serves; "" for an address that it has not."""
        ...

    def reload(self) -> None:
        """Say that the configuration is read again."""
        ...

    def stop(self) -> None:
        """Say that it drains."""
        ...


class Banner:
    """What `newel up` prints: one text for a person, once it serves."""

    def __init__(self, *, first: bool) -> None:
        self._first = first

    def announce(self, settings: Settings, https: str, http: str, metrics: str) -> None:
        """Print the banner on stdout."""
        print(banner(settings, https, http, metrics, first=self._first), flush=True)

    def reload(self) -> None:
        """Print nothing: the log says it."""

    def stop(self) -> None:
        """Print nothing."""


async def serve(
    layout: Layout, options: Options, *, first: bool, reporter: Reporter | None = None
) -> int:
    """Serve until the process is told to stop."""
    reporter = reporter or Banner(first=first)
    settings = read_settings(layout)
    clock = SystemClock()
    log = logs.configure(clock, settings.newel.log_level, log_format(options, settings))
    if not options.worker:
        for line in settings.warnings:
            _log.warning("ca.json: %s", line)
    models.check(settings)
    https = options.address or settings.ca.address
    http = settings.http_address
    if not https:
        raise ConfigError(f"{layout.ca_json}: address: missing")
    shared = options.worker is not None
    metrics = options.metrics_address or settings.ca.metrics_address
    if metrics or options.default_metrics:
        metrics = metrics_address(metrics, http, options.worker or 0)
    table = SharedTable.open_inherited()
    counts = WorkerCounts(table, options.worker or 0, options.workers) if table else None
    built = await build(settings, clock, log if settings.newel.access_log else None, shared=shared)

    def on_ready() -> None:
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)
        gc.enable()
        if not options.worker:
            reporter.announce(settings, https, http, metrics)

    async def reload() -> None:
        reporter.reload()
        await built.reload()

    process = Process(
        built.services,
        listeners(
            built, https, http, metrics, settings.newel.connections, shared=shared, workers=counts
        ),
        built.health,
        built.registry,
        reload=reload,
        on_ready=on_ready,
        on_stop=reporter.stop,
    )
    try:
        await process.run()
    finally:
        built.audit_sink.close()
        log.flush()
    return 0


def log_format(options: Options, settings: Settings) -> str:
    """Return ``text``, ``json`` or ``common``."""
    if options.log_format or sys.stderr.isatty():
        return options.log_format or "text"
    chosen = settings.ca.logger.format if settings.ca.logger else ""
    return chosen or "json"


def listeners(
    built: Standalone,
    https: str,
    http: str,
    metrics: str,
    limits: ConnectionLimits,
    *,
    shared: bool,
    workers: WorkerCounts | None = None,
) -> list[Listener]:
    """Every address this process listens on. Raises OSError that names one that is taken."""
    bounds: dict[str, Any] = {"limits": limits, "metrics": ConnectionMetrics(built.registry)}
    joint: dict[str, Any] = {**bounds, "workers": workers}
    found = [Listener(built.https, bind(https, shared=shared), built.tls, name="https", **joint)]
    if http:
        found.append(Listener(built.http, bind(http, shared=shared), name="http", **joint))
    # of this process alone: what a shared address answers would be any worker's
    if metrics:
        found.append(Listener(built.health, bind(metrics), name="health", **bounds))
    return found
