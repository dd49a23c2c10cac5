"""What provisioners reach beyond this process: key sets, webhooks and the inventory."""

from collections.abc import Mapping
from typing import NamedTuple

import grpc.aio

from newel.registration.config import Config
from newel.registration.metrics import Metrics
from newel.registration.provisioners.key_set_cache import KeySetCache
from newel.registration.provisioners.provisioner import ProvisionerContext
from newel.registration.rpc import RemoteInventory
from newel.registration.webhooks.process import WebhookProcess
from newel.runtime.clock import Clock
from newel.runtime.service import Task
from newel.runtime.tls.server import ServerTLS


class Reach(NamedTuple):
    """The context of every provisioner, and the tasks that keep it."""

    context: ProvisionerContext
    webhooks: WebhookProcess
    tasks: Mapping[str, Task]


def build_reach(
    config: Config,
    tls: ServerTLS,
    clock: Clock,
    metrics: Metrics,
    inventory: grpc.aio.Channel | None,
) -> Reach:
    """Build it; ``inventory`` is None where the inventory is not connected. Raises ConfigError."""
    outgoing = config.outgoing
    key_sets = KeySetCache(outgoing.client(), clock)
    webhooks = WebhookProcess(outgoing.policy(), outgoing.ca_file, tls, clock, metrics)
    context = ProvisionerContext(
        config.limits(),
        config.active_revocation,
        key_sets.client,
        key_sets,
        webhooks,
        RemoteInventory(inventory) if inventory else None,
        config.acme.resolvers,
    )
    tasks = {"key-sets": key_sets.refresh_forever, "webhook-notifications": webhooks.run}
    return Reach(context, webhooks, tasks)
