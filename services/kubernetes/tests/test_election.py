"""Who has the lease works, and stops when another has it."""

import asyncio
import contextlib

import pytest

from fixtures.kubernetes import Cluster, find_path
from newel.kubernetes import election
from newel.kubernetes.api import KubernetesAPI
from newel.runtime.clock import SystemClock

pytestmark = pytest.mark.network


async def test_work_stops_as_soon_as_another_is_seen_to_have_the_lease(
    cluster: Cluster, api: KubernetesAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(election, "GIVE_UP", 3600.0)  # what an unreachable API server leads to
    monkeypatch.setattr(election, "PAUSE", 0.05)
    began, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    one = election.Election(api, "newel", "lost", "one", SystemClock())
    running = asyncio.get_running_loop().create_task(one.run(work))
    await asyncio.wait_for(began.wait(), 60)
    assert cluster.server is not None
    path = f"{find_path('Lease', 'newel')}/lost"
    taken = {"holderIdentity": "two", "renewTime": "now", "leaseDurationSeconds": 3600}
    found = cluster.server.objects[path]
    cluster.server.store(path, {"metadata": dict(found["metadata"]), "spec": taken})
    await asyncio.wait_for(ended.wait(), 60)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert not one.leads
    assert cluster.server.objects[path]["spec"]["holderIdentity"] == "two"
