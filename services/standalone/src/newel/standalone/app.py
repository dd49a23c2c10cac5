"""Six services in one process: the one place where they meet."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from prometheus_client import CollectorRegistry

from newel.alerting import app as alerting
from newel.dashboard import app as dashboard
from newel.inventory import app as inventory
from newel.issuing import app as issuing
from newel.registration import app as registration
from newel.runtime.asgi import ASGIApp
from newel.runtime.audit_log import AuditLog, require_written, watch_sink
from newel.runtime.background import repeat_every
from newel.runtime.clock import Clock
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database
from newel.runtime.database.lease import Lease, run_leased
from newel.runtime.database.migrations import migrate
from newel.runtime.database.probe import probe_database
from newel.runtime.events.metrics import EventMetrics
from newel.runtime.events.outbox import LocalBus, TableOutbox
from newel.runtime.health import PUBLIC_PATHS, Health
from newel.runtime.http.access_log import AccessLogMiddleware
from newel.runtime.http.router import Router
from newel.runtime.line_sink import LineSink
from newel.runtime.metrics import HTTPMetrics, watch_process
from newel.runtime.rpc.local import LocalChannel, LocalServer
from newel.runtime.service import Hook, Service, Task
from newel.runtime.shared_table import SharedTable
from newel.runtime.tls.server import ServerTLS
from newel.signer import app as signer
from newel.standalone import models
from newel.standalone.administrator import EVERY as ADMINISTRATOR_EVERY
from newel.standalone.administrator import FirstAdministrator
from newel.standalone.changes import list_changes
from newel.standalone.existing import note_databases
from newel.standalone.first_start import authority_files, make_managing_provisioner
from newel.standalone.responder import ResponderMaintenance
from newel.standalone.settings import Settings, read_settings
from newel.standalone.usable_files import require_files
from newel.validation import app as validation

_log = logging.getLogger("newel.standalone")

REVISIONS = {
    "issuing": issuing.REVISION,
    "registration": registration.REVISION,
    "validation": validation.REVISION,
    "inventory": inventory.REVISION,
    "alerting": alerting.REVISION,
    "dashboard": dashboard.REVISION,
}

TABLES = {
    "issuing": issuing.TABLES,
    "registration": registration.TABLES,
    "validation": validation.TABLES,
    "inventory": inventory.TABLES,
    "alerting": alerting.TABLES,
    "dashboard": dashboard.TABLES,
}

RESPONDER_EVERY = 60.0
"""Seconds between looks at the OCSP responder's certificate."""

REBUILT = {"validation", "inventory"}
"""Projections: what the power takes from them, comparing with the issuing authority gives back."""

EVENTS = {
    "registration": registration.EVENTS,
    "issuing": issuing.EVENTS,
    "validation": validation.EVENTS,
    "inventory": inventory.EVENTS,
}

HTTPS = {"inventory": "/inventory", "alerting": "/alerts"}
"""Paths of other services than registration on its listener, and below them."""
DASHBOARD_PATHS = ("/", "/dashboard", "/trust")
"""The pages for people."""
KRL_PATHS = ("/ssh/krl", "/1.0/ssh/krl", "/ssh/krl.sig", "/1.0/ssh/krl.sig")
"""The validation authority's, for hosts that trust the root."""


@dataclass(frozen=True, slots=True)
class Standalone:
    """Everything the process runs."""

    services: Sequence[Service]
    https: ASGIApp
    http: ASGIApp
    health: Health
    tls: ServerTLS
    registry: CollectorRegistry
    audit_sink: LineSink
    reload: Hook
    """Takes over the provisioners of a changed ca.json."""


async def build(
    settings: Settings, clock: Clock, log: LineSink | None, *, shared: bool
) -> Standalone:
    """Open databases and keys and connect the services; ``shared`` when other workers do so too.

    Raises ConfigError and what the services raise.
    """
    assembly = Assembly(settings, clock, shared=shared)
    await assembly.open_databases()
    services = [
        assembly.build_signer(), assembly.build_issuing(), assembly.build_validation(),
        assembly.build_inventory(), assembly.build_alerting(), await assembly.build_registration(),
    ]  # fmt: skip # in the order of calls
    by_name = {service.name: service for service in services}
    ready = {service.name: service.ready for service in services if service.ready}
    watch_process(assembly.registry)
    health = Health({**assembly.checks(), **ready}, [assembly.registry])
    log_access = partial(
        AccessLogMiddleware,
        clock=clock,
        sink=log,
        metrics=HTTPMetrics(assembly.registry),
        trace_header=settings.ca.logger.trace_header if settings.ca.logger else "",
    )
    status = by_name["validation"]
    others = {path: by_name[name].web["https"] for name, path in HTTPS.items()}
    others |= dict.fromkeys(KRL_PATHS, status.web["http"])
    interfaces = Router(others, by_name["registration"].web["https"])
    health_paths: dict[str, ASGIApp] = dict.fromkeys(PUBLIC_PATHS, health)
    http = Router(
        {
            **health_paths,
            **dict.fromkeys(status.uncounted, status.web["http"]),
            "/scep/": log_access(by_name["registration"].web["http"], "registration"),
        },
        log_access(status.web["http"], "validation"),
    )
    pages = assembly.build_dashboard(interfaces, Router(health_paths, status.web["http"]))
    https = Router(dict.fromkeys(DASHBOARD_PATHS, pages.web["https"]), interfaces)
    return Standalone(
        [
            *services,
            pages,
            assembly.build_maintenance(),
            Service("events", tasks=assembly.tasks(), stop=[assembly.close_databases]),
        ],
        log_access(https, "registration"),
        http,
        health,
        assembly.tls,
        assembly.registry,
        assembly.audit_sink,
        assembly.reload,
    )


class Assembly:
    """The parts that services share in one process, and the services built of them."""

    def __init__(self, settings: Settings, clock: Clock, *, shared: bool) -> None:
        self._settings = settings
        self._clock = clock
        self.registry = CollectorRegistry()
        self.tls = ServerTLS(models.tls_versions(settings), models.cipher_suites(settings))
        self.audit_sink = LineSink.open(settings.layout.audit)
        watch_sink(self.audit_sink, self.registry)
        shared = shared or settings.uses_postgresql  # by the processes of other machines
        self.bus = LocalBus(shared=shared, metrics=EventMetrics(self.registry, clock))
        self._server = LocalServer()
        self._databases: dict[str, Database] = {}
        self._outboxes: dict[str, TableOutbox] = {}

    async def open_databases(self) -> None:
        """Open each service's own database, migrate it, and attach the outboxes to the bus."""
        for name, revision in REVISIONS.items():
            url = self._settings.database(name)
            await migrate(url, f"newel.{name}", revision, tables=TABLES[name])
            self._databases[name] = await open_database(url, durable=name not in REBUILT)
        note_databases(self._settings.layout, [*REVISIONS])
        for name, events in EVENTS.items():
            self._outboxes[name] = TableOutbox(self._databases[name], self._clock)
            self.bus.attach(self._outboxes[name], *events)

    def checks(self) -> dict[str, Hook]:
        """Return the checks that decide readiness; each raises with what is missing."""

        async def audit() -> None:
            require_written(self.audit_sink)

        return {
            "audit trail": audit,
            **{
                f"{name} database": partial(probe_database, database)
                for name, database in self._databases.items()
            },
        }

    def tasks(self) -> dict[str, Task]:
        """Return the tasks that deliver events and retry the audit trail on a disk that has room again."""

        async def flush() -> None:
            self.audit_sink.flush()

        return {**self.bus.tasks(), "audit": repeat_every(1.0, flush)}

    async def reload(self) -> None:
        """Read ca.json again and apply its provisioners and its policy.

        Raises ConfigError for a file that would not start, and changes nothing. The audit trail continues in
        a new file where the old one was renamed.
        """
        self.audit_sink.reopen()
        settings = read_settings(self._settings.layout)
        models.check(settings)
        require_files(settings)
        await registration.reconfigure(
            models.configure_registration(settings), self._databases["registration"], self._clock
        )
        _log.info("reloaded: the provisioners and the policy of ca.json were read again")
        later = list_changes(self._settings.raw, settings.raw, "")
        if (
            models.configure_registration(settings).max_duration()
            > models.configure_registration(self._settings).max_duration()
        ):
            later.append("longer validity of certificates")
        if models.has_templates(settings) and not models.has_templates(self._settings):
            later.append("usages and extensions that the first template asks for")
        if later:
            _log.warning("reloaded: %s takes effect at the next start", ", ".join(later))

    async def close_databases(self) -> None:
        """Finish what is queued and close the databases."""
        for database in self._databases.values():
            await database.close()

    def build_signer(self) -> Service:
        """Build the signer."""
        ports = signer.Ports(self._clock, self._audit("signer"), self.registry)
        return self._register(signer.build(models.configure_signer(self._settings), ports))

    def build_issuing(self) -> Service:
        """Build the issuing authority."""
        ports = issuing.Ports(
            self._databases["issuing"], self._outboxes["issuing"], self.channel("issuing"),
            self._clock, self._audit("issuing"), self.registry,
        )  # fmt: skip # own ports, then those of every service
        return self._register(issuing.build(models.configure_issuing(self._settings), ports))

    def build_validation(self) -> Service:
        """Build the validation authority."""
        channel = self.channel("validation")
        ports = validation.Ports(
            self._databases["validation"], self._outboxes["validation"], self.bus, channel, channel,
            self._clock, self._audit("validation"), self.registry,
        )  # fmt: skip # own ports, then those of every service
        return self._register(validation.build(models.configure_validation(self._settings), ports))

    def build_inventory(self) -> Service:
        """Build the inventory."""
        ports = inventory.Ports(
            self._databases["inventory"], self._outboxes["inventory"], self.bus, self.channel("inventory"),
            self._clock, self._audit("inventory"), self.registry,
        )  # fmt: skip # own ports, then those of every service
        return self._register(inventory.build(self._settings.newel.inventory, ports))

    def build_alerting(self) -> Service:
        """Build the alerting service."""
        ports = alerting.Ports(
            self._databases["alerting"], self.bus, self.channel("alerting"),
            self._clock, self._audit("alerting"), self.registry,
        )  # fmt: skip # own ports, then those of every service
        return self._register(alerting.build(self._settings.newel.alerting, ports))

    def build_dashboard(self, https: ASGIApp, http: ASGIApp) -> Service:
        """Build the pages, which call the interfaces of these two listeners."""
        ports = dashboard.Ports(
            self._databases["dashboard"], https, http, self._clock, self._audit("dashboard")
        )
        return self._register(dashboard.build(self._settings.newel.dashboard, ports))

    async def build_registration(self) -> Service:
        """Build the registration authority."""
        ports = registration.Ports(
            self._databases["registration"], self.channel("registration"), self.tls,
            self._clock, self._audit("registration"), self.registry, SharedTable.open_inherited(),
            partial(make_managing_provisioner, self._settings.password_file),
            self.channel("registration"), self._outboxes["registration"],
        )  # fmt: skip # own ports, then those of every service
        return self._register(
            await registration.build(models.configure_registration(self._settings), ports)
        )

    def build_maintenance(self) -> Service:
        """Build the work that needs the intermediate's key, done by one worker for all."""
        settings = self._settings
        files = authority_files(settings.layout, settings.password_file, settings)
        responder = ResponderMaintenance(files, self._clock, self._audit("standalone"))
        lease = Lease(self._databases["validation"], "responder")
        looking = repeat_every(RESPONDER_EVERY, responder.look)
        administrator = FirstAdministrator(
            self._settings, self.channel("registration"), self._clock, self._audit("standalone")
        )
        keeping = repeat_every(ADMINISTRATOR_EVERY, administrator.keep)
        tenure = Lease(self._databases["validation"], "administrator")

        async def keep() -> None:
            await administrator.keep()

        return Service(
            "standalone",
            tasks={
                "responder": partial(run_leased, lease, looking),
                "administrator": partial(run_leased, tenure, keeping),
            },
            start=[keep],  # before anything listens, so that it exists from the start
        )

    def _audit(self, name: str) -> AuditLog:
        return AuditLog(name, self._clock, self.audit_sink)

    def channel(self, caller: str) -> LocalChannel:
        """Return the channel by which one service calls the others of this process."""
        return LocalChannel(self._server, caller)

    def _register(self, service: Service) -> Service:
        for rpc in service.rpcs:
            self._server.add(rpc)
        return service
