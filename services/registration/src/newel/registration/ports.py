"""What the registration authority needs from the process that runs it."""

from collections.abc import Callable
from dataclasses import dataclass

import grpc.aio
from prometheus_client import CollectorRegistry

from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.database.contract import Database
from newel.runtime.events.contract import Outbox
from newel.runtime.shared_table import SharedTable
from newel.runtime.tls.server import ServerTLS
from newel.step.provisioners import ProvisionerConfig


@dataclass(frozen=True, slots=True)
class Ports:
    """The process's side of the registration authority: connections, clock, audit, metrics."""

    database: Database
    issuing: grpc.aio.Channel
    tls: ServerTLS
    clock: Clock
    audit: Audit
    registry: CollectorRegistry
    table: SharedTable | None = None
    """Counters that the workers of one program share."""
    make_first_provisioner: Callable[[], ProvisionerConfig] | None = None
    """Makes the JWK provisioner of the first administrator, where the configuration has none."""
    inventory: grpc.aio.Channel | None = None
    """To the inventory, where it is connected."""
    outbox: Outbox | None = None
    """For what it alone sees; None where no bus is configured, and then nothing is told."""
