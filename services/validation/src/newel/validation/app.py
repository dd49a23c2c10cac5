"""The validation authority's parts, put together."""

from dataclasses import dataclass

import grpc
import grpc.aio
from prometheus_client import CollectorRegistry

from newel.proto import subjects
from newel.proto.issuing.v1.issuing_pb2_grpc import RepositoryStub
from newel.proto.signer.v1.signer_pb2_grpc import StatusSignerStub
from newel.runtime.asgi import ASGIApp
from newel.runtime.audit import Audit
from newel.runtime.background import repeat_every
from newel.runtime.clock import Clock
from newel.runtime.database.contract import Database
from newel.runtime.database.lease import Lease, run_leased
from newel.runtime.events.contract import EventBus, Outbox
from newel.runtime.service import Service, Task
from newel.validation.answers import AnswerCache
from newel.validation.archive import CrlFolder
from newel.validation.attestation import Attestor, OcspTimes
from newel.validation.authorities import load_authorities
from newel.validation.changes import Changes
from newel.validation.config import Config
from newel.validation.crls import CrlShelf
from newel.validation.cross_origin import CrossOrigin
from newel.validation.http import Web
from newel.validation.metrics import Metrics
from newel.validation.offline import load_offline
from newel.validation.projection import StatusProjection
from newel.validation.publisher import CrlTimes, Publisher
from newel.validation.reconcile import Reconciler
from newel.validation.responder import Responder
from newel.validation.signing import StatusSigner
from newel.validation.sources import sources
from newel.validation.storage import CrlStore, StatusStore
from newel.validation.upkeep import Upkeep, patient
from newel.validation.watch import Watch

REVISION = "0001"
"""What ``newel.runtime.database.migrations`` brings the database to before ``build``."""

TABLES = ("certificate_status", "crls", "leases", "marks", "outbox", "outbox_cursors")
"""What the database then holds."""

EVENTS = (subjects.CRL_PUBLISHED,)
"""The subjects of the events this service writes."""

_WATCH_EVERY = 15.0  # seconds


@dataclass(frozen=True, slots=True)
class Ports:
    """What the validation authority needs from the process that runs it."""

    database: Database
    outbox: Outbox
    bus: EventBus
    issuing: grpc.aio.Channel
    signer: grpc.aio.Channel
    clock: Clock
    audit: Audit
    registry: CollectorRegistry


@dataclass(frozen=True, slots=True)
class Parts:
    """The service before it is given to a process."""

    web: Web
    projection: StatusProjection
    changes: Changes
    reconciler: Reconciler
    publisher: Publisher
    upkeep: Upkeep
    watch: Watch


def build(config: Config, ports: Ports) -> Service:
    """The service. Reads the issuers' files; the issuing authority and the signer may be away.

    Raises :class:`newel.validation.authorities.UnusableAuthorityError`, and OSError for the roots.
    """
    parts = assemble(config, ports)
    web: ASGIApp = parts.web
    if config.http.cross_origin:
        web = CrossOrigin(web, config.http.cross_origin)
    ports.bus.subscribe(parts.projection.subscription())
    return Service(
        name="validation",
        web={"http": web},
        uncounted=("/ocsp",),  # OCSP has its own count, by response
        tasks={
            "changes": repeat_every(
                config.poll_every.total_seconds(),
                patient("looking for changes", parts.changes.look),
            ),
            "upkeep": _leased(ports.database, parts.upkeep),
            "watch": repeat_every(_WATCH_EVERY, parts.watch.refresh),
        },
        start=(parts.changes.look,),
        ready=parts.watch.ready,
    )


def assemble(config: Config, ports: Ports) -> Parts:
    """Makes every part and puts it where it belongs; raises what :func:`build` raises."""
    clock, metrics = ports.clock, Metrics(ports.registry)
    authorities = load_authorities(config.issuers)
    store = StatusStore(ports.database)
    crls = CrlStore(ports.database, ports.outbox)
    cache = AnswerCache(config.ocsp.cache_answers)
    shelf = CrlShelf(int(config.crl.max_age.total_seconds()))
    offline = load_offline(config.crl_files, shelf)
    changes = Changes(store, crls, tuple(one.id for one in authorities), cache, shelf)
    signer = StatusSigner(StatusSignerStub(ports.signer))
    max_lag = int(config.reconcile.max_lag.total_seconds())
    times = _ocsp_times(config, max_lag)
    responder = Responder(
        authorities, times, store, Attestor(signer, times, clock), cache, changes, clock, metrics,
        config.ocsp.max_waiting,
    )  # fmt: skip
    publishing = [one for one in authorities if one.signs_crls]
    publisher = Publisher(
        publishing, _crl_times(config, max_lag), store, crls, shelf, signer,
        CrlFolder(config.crl.folder) if config.crl.folder else None, clock, ports.audit, metrics,
    )  # fmt: skip
    reconciler = Reconciler(
        RepositoryStub(ports.issuing), store, cache.purge, clock, metrics.repaired
    )
    return Parts(
        web=Web(
            responder,
            sources(authorities, offline, shelf, config.roots_file),
            config.http.base_path,
        ),
        projection=StatusProjection(store, cache.purge, ports.audit),
        changes=changes,
        reconciler=reconciler,
        publisher=publisher,
        upkeep=Upkeep(reconciler, publisher, store, clock, config.reconcile),
        watch=Watch(authorities, offline, shelf, changes, cache, clock, metrics, max_lag),
    )


def _leased(database: Database, upkeep: Upkeep) -> Task:
    async def run() -> None:
        await run_leased(Lease(database, "upkeep"), upkeep.run)

    return run


def _ocsp_times(config: Config, max_lag: int) -> OcspTimes:
    return OcspTimes(
        validity=int(config.ocsp.validity.total_seconds()),
        unknown_validity=int(config.ocsp.unknown_validity.total_seconds()),
        max_age=int(config.ocsp.max_age.total_seconds()),
        max_lag=max_lag,
    )


def _crl_times(config: Config, max_lag: int) -> CrlTimes:
    return CrlTimes(
        validity=int(config.crl.validity.total_seconds()),
        period=int(config.crl.period.total_seconds()),
        max_lag=max_lag,
    )
