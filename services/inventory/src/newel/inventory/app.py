"""The inventory's parts, put together."""

from dataclasses import dataclass
from functools import partial

import grpc.aio
from prometheus_client import CollectorRegistry

from newel.inventory.completeness import Completeness
from newel.inventory.compromise import CompromiseReporter
from newel.inventory.config import Config
from newel.inventory.counting import UsageCounter
from newel.inventory.expiry import ExpiryWatch
from newel.inventory.keys import KeyReader
from newel.inventory.metering import Meter
from newel.inventory.metrics import Metrics
from newel.inventory.overview import OverviewCounter
from newel.inventory.projection import Projection
from newel.inventory.reconcile import Reconciler
from newel.inventory.regrouping import Regrouper
from newel.inventory.rpc import AdministratorsServicer, LookupServicer
from newel.inventory.storage.catalogue import CatalogueStorage
from newel.inventory.storage.compromises import CompromiseStorage
from newel.inventory.storage.counts import CountStorage
from newel.inventory.storage.keys import KeyStorage
from newel.inventory.storage.listing import ListingStorage
from newel.inventory.storage.metadata import MetadataStorage
from newel.inventory.storage.metering import MeteringStorage
from newel.inventory.storage.overview import OverviewStorage
from newel.inventory.storage.regrouping import RegroupingStorage
from newel.proto import subjects
from newel.proto.inventory.v1 import inventory_pb2_grpc
from newel.proto.issuing.v1 import issuing_pb2_grpc
from newel.runtime.asgi import ASGIApp
from newel.runtime.audit import Audit
from newel.runtime.background import repeat_every
from newel.runtime.clock import Clock
from newel.runtime.database.contract import Database
from newel.runtime.database.lease import Lease, run_leased
from newel.runtime.events.contract import EventBus, Outbox, Subscription
from newel.runtime.http.router import LazyApp
from newel.runtime.service import RPCService, Service

REVISION = "0006"
"""What ``newel.runtime.database.migrations`` brings the database to before ``build``."""

TABLES = (
    "certificate_names", "certificates", "cursors", "endpoints", "leases", "metadata",
    "outbox", "outbox_cursors",
)  # fmt: skip # words in rows
"""What the database then holds."""

_KEYS_EVERY = 10.0
"""Seconds between looks for certificates whose keys were not read."""

EVENTS = subjects.ENDPOINTS
"""The subjects of the events this service writes."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What the inventory needs from the process that runs it."""

    database: Database
    outbox: Outbox
    bus: EventBus
    issuing: grpc.aio.Channel
    clock: Clock
    audit: Audit
    registry: CollectorRegistry


def build(config: Config, ports: Ports) -> Service:
    """Build the service: a projection of the issuing authority's events, read by administrators."""
    metrics = Metrics(ports.registry)
    catalogue = CatalogueStorage(ports.database)
    listing = ListingStorage(ports.database)
    metadata = MetadataStorage(ports.database)
    compromises = CompromiseReporter(
        CompromiseStorage(ports.database), metadata, ports.outbox, ports.clock,
        config.expiry.forget, ports.audit,
    )  # fmt: skip # the parts around a table
    projected = Projection(catalogue, compromises, config.expiry, ports.audit, metrics)
    regrouping = Regrouper(RegroupingStorage(ports.database, catalogue), ports.outbox, ports.audit)
    repository: issuing_pb2_grpc.RepositoryAsyncStub = issuing_pb2_grpc.RepositoryStub(
        ports.issuing
    )
    reconciliation = Reconciler(
        repository, projected, catalogue, ports.clock, config.reconcile, ports.audit, metrics
    )
    completeness = Completeness(reconciliation, ports.clock, config.expiry)
    watch = ExpiryWatch(
        catalogue, compromises, completeness, metadata, ports.outbox, ports.clock,
        config.expiry, ports.audit, metrics,
    )  # fmt: skip # the parts around a table
    meter = Meter(MeteringStorage(ports.database), ports.clock)
    usage = UsageCounter(CountStorage(ports.database), ports.clock, metrics)
    ports.bus.subscribe(
        Subscription("inventory-catalogue", subjects.CERTIFICATES, projected.handle)
    )
    ports.bus.subscribe(Subscription("inventory-ssh", subjects.SSH, projected.handle))

    # Saying once is decided by the rows; the lease only spares the others the looking.
    ticking = repeat_every(config.expiry.tick.total_seconds(), partial(_tick, regrouping, watch))
    comparing = repeat_every(config.reconcile.every.total_seconds(), reconciliation.run)
    reader = KeyReader(KeyStorage(ports.database), repository)
    reading = repeat_every(_KEYS_EVERY, reader.run)
    return Service(
        name="inventory",
        rpcs=(
            RPCService(
                "newel.inventory.v1.Lookup",
                inventory_pb2_grpc.add_LookupServicer_to_server,
                LookupServicer(metadata, metrics),
                config.lookup_callers,
            ),
            RPCService(
                "newel.inventory.v1.Administrators",
                inventory_pb2_grpc.add_AdministratorsServicer_to_server,
                AdministratorsServicer(listing, config.administrators, ports.clock),
                config.administrators_callers,
            ),
        ),
        web={"https": LazyApp(partial(_build_web, config, ports, meter))},
        tasks={
            "expiry": partial(run_leased, Lease(ports.database, "expiry"), ticking),
            "reconcile": partial(run_leased, Lease(ports.database, "reconcile"), comparing),
            "keys": partial(run_leased, Lease(ports.database, "keys"), reading),
            "metering": meter.run,
            "usage": repeat_every(config.count_every.total_seconds(), usage.count),
        },
    )


def _build_web(config: Config, ports: Ports, meter: Meter) -> ASGIApp:
    from newel.inventory.http import Inventory, build_app

    parts = Inventory(
        ListingStorage(ports.database),
        KeyStorage(ports.database),
        MetadataStorage(ports.database),
        OverviewCounter(OverviewStorage(ports.database), ports.clock),
        meter,
        issuing_pb2_grpc.RepositoryStub(ports.issuing),
        config.administrators,
        ports.clock,
        ports.audit,
    )
    return build_app(parts)


async def _tick(regrouping: Regrouper, watch: ExpiryWatch) -> None:
    """Put the catalogue right before the first look: a misplaced certificate warns of nothing."""
    await regrouping.run()
    await watch.tick()
