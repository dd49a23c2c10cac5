"""The controller's parts, put together."""

import asyncio
from dataclasses import dataclass
from functools import partial

from prometheus_client import CollectorRegistry

from newel.client.trust import client_tls
from newel.kubernetes.api import KubernetesAPI
from newel.kubernetes.certificate_requests import CertificateRequests
from newel.kubernetes.config import Config
from newel.kubernetes.election import Election
from newel.kubernetes.issuance import Issuance
from newel.kubernetes.issuers import IssuerKey, Issuers
from newel.kubernetes.kinds import CLUSTER_ISSUER, ISSUER, STEP_CLUSTER_ISSUER, STEP_ISSUER
from newel.kubernetes.metrics import Metrics
from newel.kubernetes.recorder import Recorder
from newel.kubernetes.requests import Contract, Requests
from newel.kubernetes.signing_requests import SigningRequests
from newel.kubernetes.trust_bundles import TrustBundles
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.egress import EgressPolicy, parse_networks
from newel.runtime.http.outgoing import OutgoingClient, OutgoingLimits
from newel.runtime.service import Service

_SERVED = {
    "newel-issuers": (ISSUER, CLUSTER_ISSUER),
    "step-issuers": (STEP_ISSUER, STEP_CLUSTER_ISSUER),
}
_ANSWER_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Ports:
    """What the controller needs from the process that runs it."""

    api: KubernetesAPI
    identity: str
    """The name of this controller among its replicas: the pod's."""
    clock: Clock
    audit: Audit
    registry: CollectorRegistry


def build(config: Config, ports: Ports) -> Service:
    """Build the service. It is ready when it runs, whether it leads or waits to."""
    metrics = Metrics(ports.registry)
    policy = EgressPolicy(parse_networks(config.egress.allow), parse_networks(config.egress.deny))
    open_requests = config.workers + 8  # the checks of issuers besides
    limits = OutgoingLimits(
        seconds=_ANSWER_SECONDS, to_one_host=open_requests, to_all_hosts=open_requests
    )
    election = Election(ports.api, config.namespace, config.lease, ports.identity, ports.clock)
    metrics.leads.set_function(lambda: float(election.leads))

    async def work() -> None:
        """Work from what the cluster says now: nothing is remembered of an earlier time as leader."""
        outgoing = OutgoingClient(policy, client_tls(None), limits)
        recorder = Recorder(ports.api, ports.clock, ports.identity)
        kinds = [kind for name in config.resources for kind in _SERVED.get(name, ())]
        issuers = Issuers(ports.api, kinds, config, outgoing, ports.clock, recorder, metrics)
        issuance = Issuance(ports.clock)
        contracts: list[Contract] = [CertificateRequests(kinds)]
        if "signing-requests" in config.resources:
            contracts.append(SigningRequests())
        works = [
            Requests(
                contract, ports.api, issuers, issuance, config, ports.clock, ports.audit, recorder, metrics
            )
            for contract in contracts
        ]  # fmt: skip # calls

        def wake(issuer: IssuerKey) -> None:
            for each in works:
                each.wake(issuer)

        issuers.on_ready = wake
        async with asyncio.TaskGroup() as group:
            for each in (issuers, *works):
                group.create_task(each.run())
            if "trust-bundles" in config.resources:
                bundles = TrustBundles(ports.api, issuers, config, ports.audit, recorder)
                group.create_task(bundles.run())

    return Service(
        name="kubernetes",
        tasks={"lead": partial(election.run, work)},
        stop=(ports.api.close,),
    )
