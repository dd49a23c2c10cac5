"""The program of a split service: ``python -m newel.issuing --config FILE``."""

import argparse
import inspect
import logging
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from newel.runtime import logs
from newel.runtime.config import Config, ConfigError
from newel.runtime.database.connect import UnusableDatabaseError
from newel.runtime.errors import NewelError
from newel.runtime.health import Health
from newel.runtime.http.access_log import AccessLogMiddleware
from newel.runtime.http.admission import ConnectionMetrics
from newel.runtime.http.listener import Listener, bind
from newel.runtime.http.router import Router
from newel.runtime.http.worker_counts import WorkerCounts
from newel.runtime.line_sink import LineSink
from newel.runtime.metrics import HTTPMetrics, watch_process
from newel.runtime.process.context import Context
from newel.runtime.process.process_config import (
    ListenConfig,
    RuntimeConfig,
    read_process_config,
)
from newel.runtime.process.runner import Process, run_quietly
from newel.runtime.process.workers import Workers
from newel.runtime.rpc.server import RPCServer, serve
from newel.runtime.service import Hook, Service
from newel.runtime.shared_table import SharedTable
from newel.runtime.system_errors import describe
from newel.runtime.tls.server import ServerTLS

Model = TypeVar("Model", bound=Config)
Assemble = Callable[[Model, Context], Service | Awaitable[Service]]

_log = logging.getLogger("newel.runtime.process.main")


def main(name: str, model: type[Model], assemble: Assemble[Model]) -> int:
    """Run service ``name`` until it is told to stop; return the program's exit status.

    The file's ``[runtime]`` table is the process's; the rest is ``model``, from which ``assemble``
    builds the service.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False, prog=f"newel-{name}")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.add_argument("--worker", type=int, default=None, help=argparse.SUPPRESS)
    parser.add_argument(
        "--new-database",
        action="store_true",
        help="start with an empty database where the one used before is missing",
    )
    options = parser.parse_args()
    try:
        runtime, config = read_process_config(options.config, model)
        if runtime.workers > 1 and options.worker is None:
            require_free(runtime)
            # The workers are started as this process was.
            return Workers([sys.executable, *sys.orig_argv[1:]], runtime.workers).run()
        import uvloop

        context = Context(name, runtime, new_database=options.new_database)
        uvloop.run(_run(context, config, assemble, options.worker or 0))
    except (ConfigError, UnusableDatabaseError) as error:
        # One write: where Python does not buffer, print would write the end of the line apart, and
        # another worker between the two.
        sys.stderr.write(f"newel-{name}: {error}\n")
        return 2
    except (NewelError, OSError) as error:
        cause = error.cause if isinstance(error, NewelError) else error
        cause = describe(cause) if isinstance(cause, OSError) else cause
        sys.stderr.write(f"newel-{name}: {cause}\n")
        return 1
    return 0


async def _run(context: Context, config: Model, assemble: Assemble[Model], worker: int) -> None:
    log = logs.configure(context.clock, context.config.log_level)
    watch_process(context.registry)
    try:
        assembled = assemble(config, context)
        service = await assembled if inspect.isawaitable(assembled) else assembled
        await _process(context, service, log, worker).run()
    finally:
        for close in reversed(context.closing):
            await run_quietly("closing", close)
        log.flush()


def _process(context: Context, service: Service, log: LineSink, worker: int) -> Process:
    """Build the process that runs one service, with every address bound."""
    runtime = context.config
    ready = {service.name: service.ready} if service.ready else {}
    health = Health({**context.checks, **ready}, [context.registry], context.peers.unreachable)
    metrics = HTTPMetrics(context.registry)
    bounds: dict[str, Any] = {
        "limits": runtime.connections,
        "metrics": ConnectionMetrics(context.registry),
    }
    listeners = [
        Listener(health, bind(_add_to_port(runtime.health, worker)), name="health", **bounds)
    ]
    table = SharedTable.open_inherited()
    counts = WorkerCounts(table, worker, runtime.workers) if table else None
    reloads: list[Callable[[], None]] = []
    for listener, app in service.web.items():
        config = runtime.listen.get(listener)
        if config is None and listener in service.optional_web:
            continue
        if config is None:
            raise ConfigError(f"[runtime.listen.{listener}] is missing")
        served = AccessLogMiddleware(
            app, service.name, context.clock, log if runtime.access_log else None, metrics
        )
        routed = Router(dict.fromkeys(service.uncounted, app), served)
        tls = _tls(listener, config, context.tls, reloads)
        listeners.append(
            Listener(routed, _bind(config, runtime), tls, name=listener, workers=counts, **bounds)
        )
    start, stop = _rpc(context, service, health)
    reloads.append(context.reopen_audit)

    async def reload() -> None:
        for again in reloads:
            again()
        _log.info("certificates were read again")

    events = Service("events", tasks={**context.tasks(), **context.peers.tasks()})
    return Process(
        (events, service),
        listeners,
        health,
        context.registry,
        rpc_start=start,
        rpc_stop=stop,
        reload=reload,
    )


def require_free(runtime: RuntimeConfig) -> None:
    """Raise OSError for an address in use: workers share theirs, so the system would not refuse it."""
    shared = [config.address for config in runtime.listen.values()]
    own = [_add_to_port(runtime.health, number) for number in range(runtime.workers)]
    for address in (*shared, *own, *([runtime.grpc] if runtime.grpc else ())):
        with bind(address) as sock:
            sock.listen(1)


def _bind(config: ListenConfig, runtime: RuntimeConfig) -> socket.socket:
    return bind(config.address, shared=runtime.workers > 1)


def _add_to_port(address: str, by: int) -> str:
    host, _, port = address.rpartition(":")
    return f"{host}:{int(port) + by}"


def _tls(
    name: str, config: ListenConfig, issued: ServerTLS, reloads: list[Callable[[], None]]
) -> ServerTLS | None:
    """Return a listener's TLS: from files, or the certificate that the service itself issues."""
    if name != "https":
        return None
    certificate, key = config.certificate, config.key
    if certificate is None or key is None:
        return issued
    tls = ServerTLS(asks_clients=bool(config.client_roots))

    def read() -> None:
        tls.trust([path.read_text() for path in config.client_roots])
        tls.present(certificate.read_bytes(), key.read_bytes())

    read()
    reloads.append(read)
    return tls


def _rpc(context: Context, service: Service, health: Health) -> tuple[Hook | None, Hook | None]:
    """Return what starts and what stops the service's gRPC."""
    address = context.config.grpc
    if not service.rpcs:
        if context.config.tls is not None and context.config.tls.refused is not None:
            raise ConfigError(
                "[runtime.tls] refused: this service is not called over gRPC; leave it out"
            )
        return None, None
    if address is None:
        raise ConfigError("[runtime] grpc is missing: this service is called over gRPC")
    files = context.peer_tls()
    running: list[RPCServer] = []

    async def start() -> None:
        running.append(await serve(service.rpcs, address, files, health.is_ready))

    async def stop() -> None:
        for server in running:
            await server.stop()

    return start, stop
