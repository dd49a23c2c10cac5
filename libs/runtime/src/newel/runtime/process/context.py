"""The resources that a process gives to its service, opened as ``[runtime]`` configures them."""

import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial

import grpc.aio
from prometheus_client import CollectorRegistry

from newel.runtime.audit_log import AuditLog, require_written, watch_sink
from newel.runtime.background import repeat_every
from newel.runtime.clock import Clock, SystemClock
from newel.runtime.config import ConfigError
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database
from newel.runtime.database.migrations import migrate
from newel.runtime.database.probe import probe_database
from newel.runtime.events.contract import EventBus
from newel.runtime.events.metrics import EventMetrics
from newel.runtime.events.nats import NATSBus, NATSRelay
from newel.runtime.events.nats_connection import NATSConnection, NATSOptions
from newel.runtime.events.outbox import TableOutbox
from newel.runtime.line_sink import LineSink
from newel.runtime.process.process_config import ChannelConfig, RuntimeConfig
from newel.runtime.rpc.peers import Peers, make_serving_check
from newel.runtime.rpc.server import connect
from newel.runtime.service import Hook, Task
from newel.runtime.system_errors import describe
from newel.runtime.tls.mutual import TLSFiles
from newel.runtime.tls.server import ServerTLS


@dataclass(slots=True)
class Context:
    """The resources of one service. Each is opened once, and closed when the process ends."""

    name: str
    config: RuntimeConfig
    clock: Clock = field(default_factory=SystemClock)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    tls: ServerTLS = field(default_factory=ServerTLS)
    """The TLS of the ``https`` listener, where the service issues its own certificate."""
    new_database: bool = False
    """Whether a service that has run before may start with an empty database."""
    closing: list[Hook] = field(default_factory=list[Hook])
    """Closes everything, to be run in reverse order."""
    checks: dict[str, Hook] = field(default_factory=dict[str, Hook])
    """Checks of what the process owns, which decide its readiness; each raises with what is missing."""
    peers: Peers = field(init=False)
    _tasks: dict[str, Task] = field(default_factory=dict[str, Task])
    _link: NATSConnection | None = None
    _bus: NATSBus | None = None
    _metrics: EventMetrics | None = None
    _audit: LineSink | None = None
    _migrated_to: str = ""

    def __post_init__(self) -> None:
        self.peers = Peers(self.registry)

    def audit(self) -> AuditLog:
        """Open the service's audit trail; call it after ``database``.

        Raises ConfigError for a file that cannot be written.
        """
        path = self.config.audit_file
        try:
            sink = LineSink.open(path) if path else LineSink(sys.stdout.fileno())
        except OSError as error:
            raise ConfigError(f"audit_file: {path}: {error.strerror}") from None

        async def flush() -> None:
            sink.flush()

        async def check() -> None:
            require_written(sink)

        self._audit = sink
        log = AuditLog(self.name, self.clock, sink)
        if self._migrated_to:
            # The trail says that there was a database before it says anything else.
            log.record("database", "migrated", revision=self._migrated_to)
        watch_sink(sink, self.registry)
        self._tasks["audit"] = repeat_every(1.0, flush)  # notices a disk that has room again
        self.checks["audit trail"] = check
        self.closing.append(flush)
        return log

    def reopen_audit(self) -> None:
        """Continue in a new file where the old one was renamed. Raises OSError."""
        if self._audit is not None:
            self._audit.reopen()

    async def database(self, revision: str, tables: Collection[str] = ()) -> Database:
        """Open the service's database at this revision of its schema, which has these tables.

        Raises ConfigError, UnusableDatabaseError, NewelError.
        """
        config = self.config.database
        if config is None:
            raise ConfigError("[runtime.database] is missing")
        password = config.password()
        may_create = self.new_database or not self._has_run()
        package = f"newel.{self.name}"
        migrated = await migrate(
            config.url, package, revision, password, may_create=may_create, tables=tables
        )
        if migrated:
            self._migrated_to = revision
        database = await open_database(config.url, password)
        self.checks["database"] = partial(probe_database, database)
        self.closing.append(database.close)
        return database

    def _has_run(self) -> bool:
        """Tell whether the audit trail has earlier decisions, so that there was a database, too."""
        file = self.config.audit_file
        return file is not None and file.exists() and file.stat().st_size > 0

    def optional_channel(self, name: str) -> grpc.aio.Channel | None:
        """Open the channel to a service that is not needed to be ready; None if none is configured.

        Raises ConfigError.
        """
        config = self.config.channels.get(name)
        return None if config is None else self._connect(config)

    def channel(self, name: str) -> grpc.aio.Channel:
        """Open the channel to another service. Raises ConfigError."""
        config = self.config.channels.get(name)
        if config is None:
            raise ConfigError(f"[runtime.channels.{name}] is missing")
        channel = self._connect(config)
        self.peers.add(name, make_serving_check(channel))
        return channel

    def _connect(self, config: ChannelConfig) -> grpc.aio.Channel:
        try:
            channel = connect(config.address, self.peer_tls(), server_name=config.server_name)
        except OSError as error:
            raise ConfigError(f"[runtime.tls]: {describe(error)}") from None
        self.closing.append(channel.close)  # pyright: ignore[reportArgumentType] - grace is optional, the stubs do not know
        return channel

    def peer_tls(self) -> TLSFiles:
        """Return the certificate the service presents to its peers. Raises ConfigError."""
        if self.config.tls is None:
            raise ConfigError("[runtime.tls] is missing")
        return self.config.tls.files()

    def outbox(self, database: Database) -> TableOutbox:
        """Return the service's outbox, which is relayed to NATS."""
        outbox = TableOutbox(database, self.clock)
        self._tasks |= NATSRelay(outbox, self._nats(), self._event_metrics()).tasks()
        return outbox

    def bus(self) -> EventBus:
        """Return the bus that delivers the other services' events."""
        if self._bus is None:
            self._bus = NATSBus(self._nats(), self._event_metrics(), self.clock)
        return self._bus

    def tasks(self) -> dict[str, Task]:
        """Return the tasks that deliver events; call it after every subscription."""
        return self._tasks | (self._bus.tasks() if self._bus else {})

    def _event_metrics(self) -> EventMetrics:
        if self._metrics is None:
            self._metrics = EventMetrics(self.registry, self.clock)
        return self._metrics

    def _nats(self) -> NATSConnection:
        config = self.config.nats
        if config is None:
            raise ConfigError("[runtime.nats] is missing")
        if self._link is None:
            options = NATSOptions(
                config.servers,
                f"newel-{self.name}",
                self.config.tls.files() if self.config.tls else None,
                config.credentials_file,
                config.replicas,
            )
            self._link = NATSConnection(options)
            self._tasks["nats-connection"] = self._link.open
            self.peers.add("nats", self._link.check)
            self.closing.append(self._link.close)
        return self._link
