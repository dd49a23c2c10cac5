"""A process starts in order, restarts what fails, and drains before it ends."""

import asyncio
import contextlib
import os
import signal
import urllib.request
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from newel.runtime import background
from newel.runtime.background import Supervisor, add_jitter, repeat_every
from newel.runtime.health import Health
from newel.runtime.http.listener import Listener, bind
from newel.runtime.process.runner import Process
from newel.runtime.service import Service, Task


async def test_a_task_that_fails_is_started_again_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background, "FIRST_PAUSE", 0.01)
    registry = CollectorRegistry()
    attempts = 0
    done = asyncio.Event()

    async def work() -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise ConnectionError("not yet")
        done.set()

    supervisor = Supervisor(registry)
    supervisor.start({"work": work}, "inventory")
    await asyncio.wait_for(done.wait(), 5)
    await supervisor.stop()
    assert (
        registry.get_sample_value("newel_background_failures_total", {"task": "inventory.work"})
        == 2
    )


async def test_every_calls_until_it_is_stopped() -> None:
    calls: list[int] = []

    async def tick() -> None:
        calls.append(len(calls))

    supervisor = Supervisor(CollectorRegistry())
    supervisor.start({"tick": repeat_every(0.01, tick)}, "x")
    while len(calls) < 3:
        await asyncio.sleep(0.01)
    await supervisor.stop()
    seen = len(calls)
    await asyncio.sleep(0.05)
    assert len(calls) == seen
    assert all(9 <= add_jitter(10) <= 11 for _ in range(100))


async def test_repeated_work_that_fails_or_hangs_is_said_after_a_few_periods() -> None:
    broken = True
    registry = CollectorRegistry()

    async def fetch() -> None:
        if broken:
            raise ConnectionError("no answer")

    async def hang() -> None:
        await asyncio.Event().wait()

    async def work() -> None:
        """Do nothing, often enough."""

    supervisor = Supervisor(registry, grace=0.1)
    tasks = {
        name: repeat_every(0.01, each)
        for name, each in {"fetch": fetch, "hang": hang, "work": work}.items()
    }
    supervisor.start(tasks, "x")
    assert supervisor.find_stalled() == {}
    while set(supervisor.find_stalled()) != {"x.fetch", "x.hang"}:
        await asyncio.sleep(0.01)
    assert registry.get_sample_value("newel_background_stalled", {"task": "x.hang"}) == 1
    assert registry.get_sample_value("newel_background_stalled", {"task": "x.work"}) == 0
    assert "it is repeated every 0.01 s" in supervisor.find_stalled()["x.hang"]
    broken = False
    while "x.fetch" in supervisor.find_stalled():
        await asyncio.sleep(0.01)
    await supervisor.stop()


async def test_work_that_is_started_again_after_a_failure_is_late_until_it_succeeds() -> None:
    broken = True

    async def fetch() -> None:
        if broken:
            raise ConnectionError("no answer")

    async def work() -> None:
        """Do nothing, often enough."""

    async def begin(task: Task) -> None:
        await task()

    async def run_loops() -> None:
        async with asyncio.TaskGroup() as group:
            for function in (work, fetch):
                group.create_task(begin(repeat_every(0.01, function)))

    supervisor = Supervisor(CollectorRegistry(), grace=0.3)
    supervisor.start({"loops": run_loops}, "x")
    async with asyncio.timeout(10):
        while not supervisor.find_stalled():
            await asyncio.sleep(0.01)
        broken = False
        while supervisor.find_stalled():
            await asyncio.sleep(0.01)
    await supervisor.stop()


async def test_work_whose_lease_another_process_has_is_not_late() -> None:
    supervisor = Supervisor(CollectorRegistry(), grace=0.0)
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    async def hold_for_a_moment() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(repeat_every(0.01, work)(), 0.05)
        await asyncio.Event().wait()

    supervisor.start({"swept": hold_for_a_moment}, "x")
    await done.wait()
    await asyncio.sleep(0.1)
    assert supervisor.find_stalled() == {}
    await supervisor.stop()


async def test_a_process_drains_its_requests_before_it_lets_go() -> None:
    order: list[str] = []
    in_request = asyncio.Event()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        in_request.set()
        await asyncio.sleep(0.3)
        order.append("answered")
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
        )
        await send({"type": "http.response.body", "body": b"ok"})

    async def start() -> None:
        order.append("started")

    async def stop() -> None:
        order.append("stopped")

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            order.append("task ended")

    health = Health({}, [])
    listener = Listener(app, bind("127.0.0.1:0"))
    ready = asyncio.Event()
    service = Service("x", tasks={"work": work}, start=[start], stop=[stop])
    process = Process([service], [listener], health, CollectorRegistry(), on_ready=ready.set)
    running = asyncio.get_running_loop().create_task(process.run())
    await asyncio.wait_for(ready.wait(), 5)
    url = f"http://127.0.0.1:{listener.address[1]}/"
    asking = asyncio.get_running_loop().run_in_executor(
        None,
        lambda: urllib.request.urlopen(url, timeout=5).read(),
    )
    await in_request.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asking == b"ok"
    await asyncio.wait_for(running, 10)
    assert order == ["started", "answered", "task ended", "stopped"]
    assert health.draining


async def test_a_start_that_fails_stops_what_was_started() -> None:
    order: list[str] = []

    async def first_stop() -> None:
        order.append("first stopped")

    async def fails() -> None:
        raise ConnectionError("no database")

    services = [Service("a", stop=[first_stop]), Service("b", start=[fails])]
    process = Process(services, [], Health({}, []), CollectorRegistry())
    with pytest.raises(ConnectionError, match="no database"):
        await process.run()
    assert order == ["first stopped"]
