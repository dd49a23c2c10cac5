"""Assembles the issuing authority from its parts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
import grpc.aio
from prometheus_client import CollectorRegistry

from newel.crypto import keys
from newel.issuing import storage_statements
from newel.issuing.admission import Admission
from newel.issuing.assembly import assemble
from newel.issuing.building import Builder
from newel.issuing.completion import Completion
from newel.issuing.compromise import CompromisedKeys, KeyedCertificates
from newel.issuing.config import Config
from newel.issuing.decisions import AuditTrail
from newel.issuing.declarations import KeyDeclarations
from newel.issuing.events import SSH_EVENTS
from newel.issuing.facts import count_certificates
from newel.issuing.faults import Faults
from newel.issuing.foreign import (
    ForeignCertificate,
    ForeignRecords,
    ForeignRevocation,
    X509Reader,
)
from newel.issuing.foreign_storage import ForeignStorage
from newel.issuing.issuance import Issuance
from newel.issuing.issuer_watch import IssuerWatch
from newel.issuing.issuers import check_keys, read_issuers
from newel.issuing.metrics import Metrics
from newel.issuing.profiles import Profiles
from newel.issuing.reconcile import Reconciliation
from newel.issuing.recording import Recorder
from newel.issuing.renewal import Renewals
from newel.issuing.repository import Records
from newel.issuing.retries import Retries
from newel.issuing.revocation import Revocations
from newel.issuing.rpc import IssuanceServicer, RepositoryServicer, RevocationServicer
from newel.issuing.signing import RemoteSigner
from newel.issuing.ssh.build import SSHParts, build_ssh
from newel.issuing.ssh.foreign import ForeignSSHCertificate, SSHReader
from newel.issuing.ssh.issuers import SSHIssuers
from newel.issuing.storage import Storage
from newel.proto import subjects
from newel.proto.issuing.v1 import issuing_pb2_grpc as contracts
from newel.runtime.audit import Audit
from newel.runtime.background import repeat_every
from newel.runtime.clock import Clock
from newel.runtime.database.contract import Database
from newel.runtime.database.lease import Lease, run_leased
from newel.runtime.entropy import random_bytes
from newel.runtime.events.contract import Outbox
from newel.runtime.service import RPCService, Service, Task

REVISION = "0005"
"""The revision that the database is migrated to before ``build``."""

TABLES = (
    "blocked_keys",
    "certificates",
    "leases",
    "outbox",
    "outbox_cursors",
    "revocations",
    "ssh_certificates",
    "ssh_revocations",
)
"""The tables of that revision."""

EVENTS = (*subjects.CERTIFICATES, *subjects.SSH)
"""The subjects of the events that this service publishes."""

_DAY = 24 * 3600.0

__all__ = [
    "ForeignCertificate",
    "ForeignRecords",
    "ForeignRevocation",
    "ForeignSSHCertificate",
    "Ports",
    "build",
    "count_certificates",
    "open_foreign_records",
    "open_foreign_ssh_records",
]


@dataclass(frozen=True, slots=True)
class Ports:
    """What the issuing authority needs from the process that runs it."""

    database: Database
    outbox: Outbox
    signer: grpc.aio.Channel
    clock: Clock
    audit: Audit
    registry: CollectorRegistry
    entropy: Callable[[int], bytes] = random_bytes


def build(config: Config, ports: Ports) -> Service:
    """Build the service.

    Raises :class:`newel.issuing.issuer_files.UnusableIssuerError` for a chain that cannot issue; the
    service's start, where the signer must answer, for a key that is not the issuer's.
    """
    clock, metrics = ports.clock, Metrics(ports.registry)
    trail = AuditTrail(ports.audit, metrics)
    signer = RemoteSigner(ports.signer)
    issuers = read_issuers(config.issuers)
    profiles = Profiles(config.profiles, config.default_profile, staples=bool(config.urls.ocsp))
    faults = Faults(config.fault_step)
    store = Storage(ports.database, ports.outbox)
    completion = Completion(store, signer.sign, issuers, assemble, clock, trail, faults)
    issuance = Issuance(
        Admission(profiles, issuers),
        Recorder(Builder(config.urls, ports.entropy), store, clock, faults),
        completion,
        Retries(store, completion, clock, config.takeover_after),
        store,
        clock,
        trail,
        faults,
    )
    renewals = Renewals(issuance, store, profiles, issuers, clock)
    reconciliation = Reconciliation(
        store, completion, issuers, clock, trail, config.reconcile_after
    )
    revocations = Revocations(store, clock, trail)
    watch = IssuerWatch(issuers, clock, metrics)
    ssh_store = Storage(ports.database, ports.outbox, storage_statements.SSH, SSH_EVENTS)
    ssh = _build_ssh(config, ports, ssh_store, signer, trail, faults)
    kinds = KeyedCertificates(store, revocations), KeyedCertificates(ssh_store, ssh.revocations)

    async def start() -> None:
        watch.require_one()
        await check_keys(issuers, signer.public_key)
        await ssh.issuers.load(signer.public_key)

    async def ready() -> None:
        issuers.select(clock.now())
        await store.list_issued(0, 1, clock.now())

    return Service(
        name="issuing",
        start=(start,),
        tasks={
            "reconcile": _reconcile(config, ports, "reconcile", reconciliation),
            "ssh-reconcile": _reconcile(config, ports, "ssh-reconcile", ssh.reconciliation),
            "compromised-keys": _revoke_compromised(config, ports, kinds, metrics),
            "issuers": repeat_every(_DAY, watch.run),
        },
        ready=ready,
        rpcs=_rpcs(
            config,
            IssuanceServicer(issuance, renewals, ssh.issuance),
            RevocationServicer(revocations, ssh.revocations, KeyDeclarations(store, clock, trail)),
            RepositoryServicer(issuers, Records(store, clock), ssh.issuers, ssh.records),
        ),
    )


def _build_ssh(
    config: Config,
    ports: Ports,
    store: Storage,
    signer: RemoteSigner,
    trail: AuditTrail,
    faults: Faults,
) -> SSHParts:
    return build_ssh(
        SSHIssuers(config.ssh_issuers),
        store,
        signer.sign_ssh,
        ports.entropy,
        ports.clock,
        trail,
        faults,
        takeover_after=config.takeover_after,
        reconcile_after=config.reconcile_after,
    )


def _reconcile(
    config: Config, ports: Ports, lease: str, reconciliation: Reconciliation[Any]
) -> Task:
    """Return the task of the one process that has the lease."""
    work = repeat_every(config.reconcile_every.total_seconds(), reconciliation.run)
    return partial(run_leased, Lease(ports.database, lease), work)


def _revoke_compromised(
    config: Config, ports: Ports, kinds: Sequence[KeyedCertificates], metrics: Metrics
) -> Task:
    """Return the task of the one process that has the lease."""
    compromised = CompromisedKeys(kinds, ports.clock, metrics)
    work = repeat_every(config.compromised_keys_every.total_seconds(), compromised.run)
    return partial(run_leased, Lease(ports.database, "compromised-keys"), work)


def open_foreign_records(
    config: Config, database: Database, clock: Clock
) -> ForeignRecords[ForeignCertificate]:
    """Return what takes records of another program over into a migrated database.

    Raises :class:`newel.issuing.issuer_files.UnusableIssuerError`.
    """
    reader = X509Reader(read_issuers(config.issuers), config.default_profile)
    return ForeignRecords(reader, ForeignStorage(database), clock)


async def open_foreign_ssh_records(
    config: Config, public_keys: Mapping[str, keys.PublicKey], database: Database, clock: Clock
) -> ForeignRecords[ForeignSSHCertificate]:
    """Return what takes SSH certificates of another program over into a migrated database.

    ``public_keys`` has public keys by the signer's names for them; without its key an issuer is none.
    """

    async def find(name: str) -> tuple[bytes, bytes]:
        return keys.spki(public_keys[name]), b""

    issuers = SSHIssuers([each for each in config.ssh_issuers if each.key in public_keys])
    await issuers.load(find)
    return ForeignRecords(
        SSHReader(issuers.all()), ForeignStorage(database, storage_statements.SSH), clock
    )


def _rpcs(
    config: Config,
    issuance: IssuanceServicer,
    revocation: RevocationServicer,
    repository: RepositoryServicer,
) -> tuple[RPCService, ...]:
    """Return the three contracts, each with the callers that may use it."""
    return (
        RPCService(
            "newel.issuing.v1.Issuance",
            contracts.add_IssuanceServicer_to_server,
            issuance,
            config.issuance_callers,
        ),
        RPCService(
            "newel.issuing.v1.Revocation",
            contracts.add_RevocationServicer_to_server,
            revocation,
            config.issuance_callers,
        ),
        RPCService(
            "newel.issuing.v1.Repository",
            contracts.add_RepositoryServicer_to_server,
            repository,
            config.repository_callers,
        ),
    )
