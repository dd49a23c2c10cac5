"""Assembles the validation authority from its parts."""

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
from newel.runtime.config import ConfigError
from newel.runtime.database.contract import Database
from newel.runtime.database.lease import Lease, run_leased
from newel.runtime.events.contract import EventBus, Outbox
from newel.runtime.service import Service, Task
from newel.validation.archive import CRLFolder
from newel.validation.changes import Changes
from newel.validation.config import Config, CRLConfig
from newel.validation.crl_storage import CRLStore
from newel.validation.crls import CRLCache
from newel.validation.cross_origin import CrossOrigin
from newel.validation.distribution import Distribution, Place
from newel.validation.facts import list_revocation_lists
from newel.validation.http import Web
from newel.validation.issuers import load_issuers
from newel.validation.krl.parts import KRLParts, assemble_krl
from newel.validation.krl.publisher import krl_sources
from newel.validation.maintenance import Maintenance, keep_trying
from newel.validation.metrics import Metrics
from newel.validation.offline import load_offline
from newel.validation.projection import StatusProjection
from newel.validation.publisher import CRLTimes, Publisher
from newel.validation.reconcile import Reconciler
from newel.validation.responder import Responder
from newel.validation.response_cache import ResponseCache
from newel.validation.response_signer import OCSPTimes, ResponseSigner
from newel.validation.restored_database import make_lists_due
from newel.validation.scopes import build_scopes
from newel.validation.signing import StatusSigner
from newel.validation.sources import build_sources
from newel.validation.storage import StatusStore
from newel.validation.watch import Watch

__all__ = ["Parts", "Ports", "assemble", "build", "list_revocation_lists", "make_lists_due"]

REVISION = "0007"
"""The revision that the database is migrated to before ``build``."""

TABLES = (
    "certificate_status", "counters", "crls", "krls", "leases", "outbox", "outbox_cursors",
    "ssh_issuers", "ssh_revoked",
)  # fmt: skip # words in rows
"""The tables of that revision."""

EVENTS = (subjects.CRL_PUBLISHED,)
"""The subjects of the events that this service publishes."""

_WATCH_EVERY = 15.0  # seconds
KRL_EVERY = 1.0  # seconds: a revocation is on the list within five


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
    """The parts of the service, for the process that runs it and for tests."""

    web: Web
    projection: StatusProjection
    changes: Changes
    reconciler: Reconciler
    publisher: Publisher
    distribution: Distribution
    maintenance: Maintenance
    watch: Watch
    krl: KRLParts


def build(config: Config, ports: Ports) -> Service:
    """Build the service from its configuration; other services may be unreachable.

    Raises :class:`newel.validation.issuers.UnusableIssuerError`, and OSError for the roots.
    """
    parts = assemble(config, ports)
    web: ASGIApp = parts.web
    if config.http.cross_origin:
        web = CrossOrigin(web, config.http.cross_origin)
    ports.bus.subscribe(parts.projection.subscription())
    ports.bus.subscribe(parts.krl.projection.subscription())
    return Service(
        name="validation",
        web={"http": web},
        uncounted=("/ocsp",),  # OCSP has its own count, by response
        tasks={
            "changes": repeat_every(
                config.poll_every.total_seconds(),
                keep_trying("polling for changes", parts.changes.poll),
            ),
            "krl": repeat_every(
                KRL_EVERY, keep_trying("polling for the KRL", parts.krl.cache.poll)
            ),
            "maintenance": _maintenance_task(ports.database, parts.maintenance),
            "watch": repeat_every(_WATCH_EVERY, parts.watch.refresh),
        },
        start=(parts.changes.poll, parts.krl.cache.poll),
        ready=parts.watch.ready,
    )


def assemble(config: Config, ports: Ports) -> Parts:
    """Make the parts. Raises what :func:`build` raises."""
    clock, metrics = ports.clock, Metrics(ports.registry)
    issuers = load_issuers(config.issuers, extended_revoke=config.ocsp.never_issued == "revoked")
    store = StatusStore(ports.database)
    crls = CRLStore(ports.database, ports.outbox)
    cache = ResponseCache(config.ocsp.cache_answers)
    crl_cache = CRLCache(int(config.crl.max_age.total_seconds()))
    offline = load_offline(config.crl_files, crl_cache)
    scopes = build_scopes(issuers, config.crl)
    names = tuple(each.id for each in scopes)
    changes = Changes(store, crls, names, cache, crl_cache)
    hosted = (*names, *(each.id for each in offline))
    distribution = Distribution(hosted, _places(config.crl), crl_cache, metrics)
    signer = StatusSigner(StatusSignerStub(ports.signer))
    max_lag = int(config.reconcile.max_lag.total_seconds())
    times = _ocsp_times(config, max_lag)
    responder = Responder(
        issuers,
        times,
        store,
        ResponseSigner(signer.sign_response, times, clock),
        cache,
        changes,
        clock,
        metrics,
        config.ocsp.max_waiting,
    )
    publisher = Publisher(
        scopes,
        _crl_times(config, max_lag),
        store,
        crls,
        crl_cache,
        signer.sign_crl,
        distribution,
        clock,
        ports.audit,
        metrics,
    )
    repository = RepositoryStub(ports.issuing)
    reconciler = Reconciler(repository, store, cache.purge, clock, metrics.repaired)
    sign_krl = signer.for_lists(config.ssh.krl_key)
    krl = assemble_krl(ports.database, repository, clock, ports.audit, sign_krl, config.ssh)
    sources = build_sources(issuers, offline, scopes, crl_cache, config.roots_file)
    return Parts(
        web=Web(responder, sources | krl_sources(krl.cache), config.http.base_path),
        projection=StatusProjection(store, cache.purge, ports.audit),
        changes=changes,
        reconciler=reconciler,
        publisher=publisher,
        distribution=distribution,
        maintenance=Maintenance(
            reconciler, publisher, distribution, store, clock, config.reconcile, krl
        ),
        watch=Watch(
            issuers, offline, scopes, crl_cache, changes, cache, clock, metrics, max_lag, krl.cache
        ),
        krl=krl,
    )


def _maintenance_task(database: Database, maintenance: Maintenance) -> Task:
    async def run() -> None:
        await run_leased(Lease(database, "maintenance"), maintenance.run)

    return run


def _ocsp_times(config: Config, max_lag: int) -> OCSPTimes:
    return OCSPTimes(
        validity=int(config.ocsp.validity.total_seconds()),
        unknown_validity=int(config.ocsp.unknown_validity.total_seconds()),
        max_age=int(config.ocsp.max_age.total_seconds()),
        max_lag=max_lag,
    )


def _places(config: CRLConfig) -> list[Place]:
    """Return where CRLs are also published. Raises ConfigError."""
    places: list[Place] = [CRLFolder(config.folder)] if config.folder else []
    if config.s3:
        # the client is slow to load, and an extra
        try:
            from newel.validation.object_store import CRLBucket
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] not in {"boto3", "botocore"}:
                raise
            raise ConfigError("crl.s3: this needs the package newel-validation[aws]") from None
        places.append(CRLBucket(config.s3, int(config.max_age.total_seconds())))
    return places


def _crl_times(config: Config, max_lag: int) -> CRLTimes:
    return CRLTimes(
        validity=int(config.crl.validity.total_seconds()),
        period=int(config.crl.period.total_seconds()),
        max_lag=max_lag,
    )
