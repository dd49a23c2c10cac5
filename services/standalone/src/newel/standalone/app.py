"""Six services in one process: the one place where they meet."""

from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from newel.alerting import app as alerting
from newel.inventory import app as inventory
from newel.issuing import app as issuing
from newel.registration import app as registration
from newel.runtime.audit_log import AuditLog
from newel.runtime.clock import Clock
from newel.runtime.databases import open_database
from newel.runtime.event_metrics import EventMetrics
from newel.runtime.health import PATHS, Health
from newel.runtime.line_sink import LineSink
from newel.runtime.local import LocalChannel, LocalServer
from newel.runtime.metrics import HttpMetrics
from newel.runtime.migrations import migrate
from newel.runtime.outbox import LocalBus, TableOutbox
from newel.runtime.server_tls import ServerTls
from newel.runtime.service import Service
from newel.runtime.serving import Served
from newel.signer import app as signer
from newel.standalone import models
from newel.standalone.dispatch import ByPrefix
from newel.standalone.settings import Settings
from newel.validation import app as validation

REVISIONS = {
    "issuing": issuing.REVISION,
    "registration": registration.REVISION,
    "validation": validation.REVISION,
    "inventory": inventory.REVISION,
    "alerting": alerting.REVISION,
}

EVENTS = {
    "issuing": issuing.EVENTS,
    "validation": ("newel.crl.published.v1",),
    "inventory": inventory.EVENTS,
}


@dataclass(frozen=True, slots=True)
class Standalone:
    """Everything the process runs."""

    services: Sequence[Service]
    https: Served
    http: Served
    health: Health
    tls: ServerTls
    registry: CollectorRegistry
    audit_sink: LineSink


async def build(
    settings: Settings, clock: Clock, log: LineSink | None, *, shared: bool
) -> Standalone:
    """Opens databases and keys and connects the services; ``shared`` when other workers do so too.

    Raises ConfigError and what the services raise.
    """
    layout = settings.layout
    registry = CollectorRegistry()
    tls = ServerTls()
    audit_sink = LineSink.open(layout.audit)
    databases = {}
    for name, revision in REVISIONS.items():
        url = layout.database(name)
        await migrate(url, f"newel.{name}", revision)
        databases[name] = await open_database(url)
    bus = LocalBus(shared=shared, metrics=EventMetrics(registry, clock))
    outboxes: dict[str, TableOutbox] = {}
    for name, events in EVENTS.items():
        outboxes[name] = TableOutbox(databases[name], clock)
        bus.attach(outboxes[name], *events)
    server = LocalServer()

    def audit(name: str) -> AuditLog:
        return AuditLog(name, clock, audit_sink)

    def added(service: Service) -> Service:
        for rpc in service.rpcs:
            server.add(rpc)
        return service

    keys = added(
        signer.build(models.signer(settings), signer.Ports(clock, audit("signer"), registry))
    )
    issuer = added(
        issuing.build(
            models.issuing(settings),
            issuing.Ports(
                databases["issuing"], outboxes["issuing"], LocalChannel(server, "issuing"),
                clock, audit("issuing"), registry,
            ),
        )
    )  # fmt: skip
    status = added(
        validation.build(
            models.validation(settings),
            validation.Ports(
                databases["validation"], outboxes["validation"], bus, LocalChannel(server, "validation"),
                LocalChannel(server, "validation"), clock, audit("validation"), registry,
            ),
        )
    )  # fmt: skip
    catalogue = added(
        inventory.build(
            settings.newel.inventory,
            inventory.Ports(
                databases["inventory"], outboxes["inventory"], bus, LocalChannel(server, "inventory"),
                clock, audit("inventory"), registry,
            ),
        )
    )  # fmt: skip
    alerts = added(
        alerting.build(
            settings.newel.alerting,
            alerting.Ports(databases["alerting"], bus, clock, audit("alerting"), registry),
        )
    )
    front = added(
        await registration.build(
            models.registration(settings),
            registration.Ports(
                databases["registration"], LocalChannel(server, "registration"), tls,
                clock, audit("registration"), registry,
            ),
        )
    )  # fmt: skip
    events = Service("events", tasks=bus.tasks())
    services = [keys, issuer, status, catalogue, alerts, events, front]
    ready = {service.name: service.ready for service in services if service.ready}
    health = Health(ready, [registry])
    metrics = HttpMetrics(registry)
    https = ByPrefix({"/inventory": catalogue.web["https"]}, front.web["https"])
    http = ByPrefix(dict.fromkeys(PATHS, health), status.web["http"])
    return Standalone(
        services,
        Served(https, "registration", clock, log, metrics),
        Served(http, "validation", clock, log, metrics),
        health,
        tls,
        registry,
        audit_sink,
    )
