"""Alerting's parts, put together."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import grpc.aio
from prometheus_client import CollectorRegistry

from newel.alerting.acts import Acts
from newel.alerting.channels.factory import build_channel
from newel.alerting.config import Config
from newel.alerting.crls import CONSUMER, CRLWatch
from newel.alerting.delivery import Channel, Dispatcher
from newel.alerting.grouping import Gatherer
from newel.alerting.metrics import Metrics
from newel.alerting.projection import Projection
from newel.alerting.retention import Maintenance
from newel.alerting.rpc import Administrators
from newel.alerting.storage.crls import CRLStorage
from newel.alerting.storage.deliveries import DeliveryStorage
from newel.alerting.storage.digests import DigestStorage
from newel.alerting.storage.listing import ListingStorage
from newel.alerting.storage.notices import Storage
from newel.alerting.storage.silences import SilenceStorage
from newel.alerting.trials import Trials
from newel.proto import subjects
from newel.runtime.asgi import ASGIApp
from newel.runtime.audit import Audit
from newel.runtime.background import repeat_every
from newel.runtime.clock import Clock
from newel.runtime.database.contract import Database
from newel.runtime.database.lease import Lease, run_leased
from newel.runtime.egress import EgressPolicy, parse_networks
from newel.runtime.events.contract import EventBus, Subscription
from newel.runtime.http.router import LazyApp
from newel.runtime.service import Service

REVISION = "0005"
"""What ``newel.runtime.database.migrations`` brings the database to before ``build``."""

TABLES = ("crls", "deliveries", "digests", "leases", "notices", "silences")
"""What the database then holds."""

_COUNT_SECONDS = 15.0
_CRL_SECONDS = 60.0
_SWEEP_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Ports:
    """What alerting needs from the process that runs it."""

    database: Database
    bus: EventBus
    inventory: grpc.aio.Channel
    clock: Clock
    audit: Audit
    registry: CollectorRegistry


def build(config: Config, ports: Ports) -> Service:
    """Build the service: one task for each channel, so that a slow receiver delays no other.

    Raises :class:`newel.runtime.config.ConfigError` for a channel whose secret cannot be used.
    """
    clock, audit = ports.clock, ports.audit
    metrics = Metrics(ports.registry)
    storage, silences = Storage(ports.database), SilenceStorage(ports.database)
    deliveries, listing = DeliveryStorage(ports.database), ListingStorage(ports.database)
    policy = EgressPolicy(parse_networks(config.egress.allow), parse_networks(config.egress.deny))
    channels = {
        name: build_channel(name, channel, policy, clock)
        for name, channel in config.channels.items()
    }
    ticks = {
        name: build_delivery(name, channel, config, ports, metrics)
        for name, channel in channels.items()
    }
    lists = CRLStorage(ports.database)
    maintenance = Maintenance(storage, silences, lists, config, clock, audit, metrics)
    projection = Projection(storage, config, clock, audit, metrics)
    ports.bus.subscribe(Subscription("alerting-notices", subjects.ENDPOINTS, projection.handle))
    ports.bus.subscribe(Subscription("alerting-refusals", subjects.REFUSALS, projection.handle))

    crls = CRLWatch(lists, ports.bus, storage, config, clock, audit, metrics)
    ports.bus.subscribe(Subscription(CONSUMER, (subjects.CRL_PUBLISHED,), crls.handle))

    trials = Trials(channels, config.source, clock)
    acts = Acts(
        storage, listing, silences, deliveries, channels, config.longest_silence, clock, audit
    )

    def web() -> ASGIApp:
        from newel.alerting.http import Parts, build_app

        own = Parts(listing, silences, acts, trials, name_kinds(config), clock, audit)
        return build_app(own, Administrators(ports.inventory).admit)

    async def close() -> None:
        for channel in channels.values():
            await channel.close()

    sweeping = repeat_every(_SWEEP_SECONDS, maintenance.sweep)
    return Service(
        name="alerting",
        web={"https": LazyApp(web)},
        tasks={
            **{
                f"deliver-{name}": repeat_every(config.poll.total_seconds(), tick)
                for name, tick in ticks.items()
            },
            "crls": partial(
                run_leased, Lease(ports.database, "crls"), repeat_every(_CRL_SECONDS, crls.tick)
            ),
            "count": repeat_every(_COUNT_SECONDS, maintenance.count),
            "sweep": partial(run_leased, Lease(ports.database, "sweep"), sweeping),
        },
        start=(maintenance.start,),
        stop=(close,),
    )


def build_delivery(
    name: str, channel: Channel, config: Config, ports: Ports, metrics: Metrics
) -> Callable[[], Awaitable[None]]:
    """Build what tells one channel of what is due: of many alerts at once first, then of the others."""
    silences = SilenceStorage(ports.database)
    settings = config.retry, config.source, ports.clock, ports.audit, metrics, config.dashboard
    wait = config.grouping.wait.total_seconds()
    deliveries = DeliveryStorage(ports.database)
    dispatcher = Dispatcher(name, channel, deliveries, silences, *settings, wait)
    gatherer = Gatherer(
        name, channel, DigestStorage(ports.database), silences, config.grouping, *settings
    )
    is_grouped = config.channels[name].group

    async def tick() -> None:
        await gatherer.tick(is_grouped=is_grouped)
        await dispatcher.tick()

    return tick


def name_kinds(config: Config) -> dict[str, str]:
    """Return the kind of each channel by its name."""
    return {name: channel.kind for name, channel in config.channels.items()}
