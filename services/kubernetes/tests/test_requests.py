"""Requests come to an end once, whatever a watch tells of them afterwards."""

import asyncio
import base64
import copy
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from fixtures.authority import AuditLog
from fixtures.kubernetes import Cluster, find_path
from newel.client.trust import client_tls
from newel.kubernetes.api import KubernetesAPI
from newel.kubernetes.certificate_requests import CertificateRequests
from newel.kubernetes.config import Config
from newel.kubernetes.issuance import Issuance
from newel.kubernetes.issuers import Issuers
from newel.kubernetes.kinds import CERTIFICATE_REQUEST, ISSUER
from newel.kubernetes.metrics import Metrics
from newel.kubernetes.recorder import Recorder
from newel.kubernetes.reflector import Reflector
from newel.kubernetes.requests import Requests
from newel.runtime.clock import SystemClock
from newel.runtime.egress import EgressPolicy
from newel.runtime.http.outgoing import OutgoingClient, OutgoingLimits

pytestmark = pytest.mark.network

APPROVED = {"type": "Approved", "status": "True", "reason": "Policy", "message": "yes"}
ISSUED = {"type": "Ready", "status": "True", "reason": "Issued", "message": "done"}


def make_requests(api: KubernetesAPI, trail: AuditLog) -> Requests:
    clock, config, metrics = SystemClock(), Config(), Metrics(CollectorRegistry())
    recorder = Recorder(api, clock, "one")
    outgoing = OutgoingClient(EgressPolicy((), ()), client_tls(None), OutgoingLimits())
    issuers = Issuers(api, [ISSUER], config, outgoing, clock, recorder, metrics)
    return Requests(
        CertificateRequests([ISSUER]), api, issuers, Issuance(clock), config, clock, trail, recorder,
        metrics,
    )  # fmt: skip # a call


def store(cluster: Cluster, name: str, *states: dict[str, Any], **spec: Any) -> dict[str, Any]:
    assert cluster.server is not None
    reference = {"name": "ca", "kind": "NewelIssuer", "group": "newel.dev"}
    body = {"request": base64.b64encode(b"pem").decode(), "issuerRef": reference, **spec}
    found = {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": body,
        "status": {"conditions": list(states)},
    }
    path = f"{find_path('CertificateRequest', 'shop')}/{name}"
    before = cluster.server.objects.get(path)
    if before:
        found["metadata"] = dict(before["metadata"])
    return copy.deepcopy(cluster.server.store(path, found))


async def test_a_request_that_is_told_of_as_it_was_before_its_certificate_is_left_alone(
    cluster: Cluster, api: KubernetesAPI
) -> None:
    trail = AuditLog()
    requests = make_requests(api, trail)
    old = store(cluster, "told-late", APPROVED)
    store(cluster, "told-late", APPROVED, ISSUED)
    requests.note(old)
    assert await requests.work(("shop", "told-late")) is None
    states = cluster.get("CertificateRequest", "told-late")["status"]["conditions"]
    assert states == [APPROVED, ISSUED]
    assert trail.lines == []


async def test_a_decision_is_in_the_audit_trail_once_though_its_status_cannot_be_written(
    cluster: Cluster, api: KubernetesAPI
) -> None:
    trail = AuditLog()
    requests = make_requests(api, trail)
    requests.note(store(cluster, "unwritten", APPROVED, isCA=True))
    # It is denied by its contents, and gone before that can be said.
    read = api.get

    async def get_and_remove(*words: Any) -> dict[str, Any]:
        found = await read(*words)
        assert cluster.server is not None
        cluster.server.remove(f"{find_path('CertificateRequest', 'shop')}/unwritten")
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(api, "get", get_and_remove)
        assert await requests.work(("shop", "unwritten")) is None
    ((_, outcome, facts),) = trail.lines
    assert (outcome, facts["name"]) == ("refused", "unwritten")


async def test_a_watch_that_breaks_goes_on_where_it_was(
    cluster: Cluster, api: KubernetesAPI, caplog: pytest.LogCaptureFixture
) -> None:
    """What was seen before is not told again."""
    told: list[str] = []
    reflector = Reflector(
        api,
        CERTIFICATE_REQUEST,
        lambda found: told.append(found["metadata"]["name"]),
        lambda _: None,
    )
    running = asyncio.get_running_loop().create_task(reflector.run())
    await asyncio.wait_for(reflector.synced.wait(), 60)
    store(cluster, "first")
    await wait_until_true(lambda: "first" in told)
    assert cluster.server is not None
    cluster.server.down = True
    await wait_until_true(lambda: "watching certificaterequests" in caplog.text)
    cluster.server.down = False
    store(cluster, "second")
    await wait_until_true(lambda: "second" in told)
    running.cancel()
    assert told.count("first") == 1


async def wait_until_true(condition: Callable[[], bool]) -> None:
    """Wait up to a minute."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.05)
