"""The composition of the SCEP server, which is loaded by its first request."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from newel.registration.audit_trail import AuditTrail
from newel.registration.authority import Authority
from newel.registration.issuance import Issuance
from newel.registration.metrics import Metrics
from newel.registration.provisioners.scep import SCEPProvisioner
from newel.registration.scep.config import SCEPConfig
from newel.registration.scep.storage import SCEPStorage
from newel.registration.scep.transactions import Transactions
from newel.runtime.asgi import ASGIApp
from newel.runtime.audit import Audit
from newel.runtime.background import repeat_every
from newel.runtime.clock import Clock
from newel.runtime.database.contract import Database
from newel.runtime.database.lease import Lease, run_leased
from newel.runtime.http.router import LazyApp
from newel.runtime.service import Task

if TYPE_CHECKING:
    from newel.registration.scep.routes import SCEPApp

_SWEEP_INTERVAL = 60.0


@dataclass(frozen=True, slots=True)
class SCEP:
    """The parts that the registration authority puts into its service."""

    app: ASGIApp
    """To be mounted at ``/scep``: it looks at the whole path."""
    tasks: Mapping[str, Task]


def build(
    config: SCEPConfig,
    database: Database,
    authority: Authority,
    issuance: Issuance,
    clock: Clock,
    audit: Audit,
    metrics: Metrics,
    *,
    policy_on_renewal: bool,
) -> SCEP:
    """Build the SCEP server. Its parts, and the ASN.1 library they need, are loaded when they are used."""
    storage = SCEPStorage(database)
    transactions = Transactions(storage, clock)

    def find(name: str) -> SCEPProvisioner | None:
        return authority.provisioners.find_enabled(name, SCEPProvisioner)

    def build_app() -> "SCEPApp":
        from newel.registration.scep.enrolment import EnrolService
        from newel.registration.scep.routes import SCEPApp
        from newel.registration.scep.server import SCEPServer
        from newel.registration.scep.transport_keys import TransportKeys

        audit_trail = AuditTrail(audit, metrics)
        transport_keys = TransportKeys(
            storage,
            authority,
            issuance,
            clock,
            audit,
            password_file=config.key_password_file,
            profile=config.profile,
            lifetime=config.key_lifetime,
        )
        enrolment = EnrolService(authority, issuance, transactions, policy_on_renewal, clock)
        server = SCEPServer(authority, transport_keys, enrolment, audit_trail, clock)
        return SCEPApp(server, find, audit_trail)

    sweeping = repeat_every(_SWEEP_INTERVAL, transactions.sweep)
    lease = Lease(database, "scep-transactions")
    return SCEP(
        LazyApp(build_app),
        {"scep-transactions": functools.partial(run_leased, lease, sweeping)},
    )
