"""/readyz: a process's own things decide it; peers are named; liveness looks at nothing."""

import asyncio
import json
from typing import Any

from prometheus_client import CollectorRegistry

from fixtures.pki import InternalPki
from fixtures.processes import free_port
from newel.runtime import health as health_module
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.health import Health
from newel.runtime.rpc.peers import Peers, make_serving_check
from newel.runtime.rpc.server import connect, serve


async def ask(health: Health, path: str) -> tuple[int, dict[str, Any]]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    await health({"type": "http", "path": path}, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


async def test_what_is_its_own_decides_and_liveness_looks_at_nothing() -> None:
    away = False

    async def database() -> None:
        if away:
            raise NewelError(ErrorType.UNAVAILABLE, "the service cannot use its database now")

    health = Health({"database": database}, [])
    assert await ask(health, "/readyz") == (200, {"status": "ok"})
    away = True
    await asyncio.sleep(health_module.CHECK_INTERVAL * 1.1)
    status, body = await ask(health, "/readyz")
    assert (status, body["missing"]) == (
        503,
        {"database": "the service cannot use its database now"},
    )
    assert (await ask(health, "/livez"))[0] == 200


async def test_what_a_report_names_is_in_the_body_and_changes_nothing() -> None:
    health = Health({}, [])
    health.reports["stalled"] = lambda: {"x.work": "it has not succeeded for 100 s"}
    assert await ask(health, "/readyz") == (
        200,
        {"status": "ok", "stalled": {"x.work": "it has not succeeded for 100 s"}},
    )


async def test_many_who_ask_at_once_cost_one_look() -> None:
    looks = 0

    async def database() -> None:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)

    health = Health({"database": database}, [])
    answers = await asyncio.gather(*(ask(health, "/readyz") for _ in range(50)))
    assert {status for status, _ in answers} == {200}
    assert looks == 1


async def test_an_absent_peer_is_named_and_counted_and_changes_nothing(
    internal_pki: InternalPki,
) -> None:
    registry = CollectorRegistry()
    peers = Peers(registry)
    address = f"localhost:{free_port()}"
    files = internal_pki.files("issuing")
    channel = connect(address, files, server_name="greeter")
    peers.add("signer", make_serving_check(channel))
    health = Health({}, [], peers.unreachable)

    def reachable() -> float | None:
        return registry.get_sample_value("newel_peer_reachable", {"peer": "signer"})

    await peers.check()
    status, body = await ask(health, "/readyz")
    assert (status, body["status"], list(body["unreachable"])) == (200, "ok", ["signer"])
    assert reachable() == 0

    usable = True

    async def ready() -> bool:
        return usable

    server = await serve([], address, internal_pki.files("greeter"), ready)
    async with asyncio.timeout(20):
        while peers.unreachable:
            await peers.check()
    assert reachable() == 1
    assert await ask(health, "/readyz") == (200, {"status": "ok"})
    usable = False
    await peers.check()
    assert peers.unreachable == {"signer": "it says that it is not ready"}
    await channel.close(None)
    await server.stop(0)


async def test_a_peer_that_hangs_does_not_hold_up_the_others() -> None:
    peers = Peers(CollectorRegistry())

    async def hangs() -> None:
        await asyncio.Event().wait()

    async def answers() -> None:
        pass

    peers.add("hangs", hangs)
    peers.add("answers", answers)
    await peers.check()
    assert list(peers.unreachable) == ["hangs"]
