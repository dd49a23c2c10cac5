"""Keys are worked on once at a time, and failures make pauses longer."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from newel.kubernetes.work_queue import LONGEST_PAUSE, WorkQueue


async def run_for(
    queue: WorkQueue[str], work: Callable[[str], Awaitable[float | None]], done: asyncio.Event
) -> None:
    """Run the workers until the event is set."""
    running = asyncio.get_running_loop().create_task(queue.run(work, 4))
    await asyncio.wait_for(done.wait(), 60)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_a_key_is_worked_on_by_one_worker_at_a_time() -> None:
    queue, done = WorkQueue[str]("tests"), asyncio.Event()
    busy, seen = set[str](), list[str]()

    async def work(key: str) -> None:
        assert key not in busy
        busy.add(key)
        seen.append(key)
        if seen.count("a") == 1 and key == "a":
            queue.add("a", changed=True)
            queue.add("a", changed=True)
            queue.add("b")
        await asyncio.sleep(0)
        busy.discard(key)
        if seen.count("a") == 2 and "b" in seen:
            done.set()

    queue.add("a")
    queue.add("a")
    await run_for(queue, work, done)
    assert sorted(seen) == ["a", "a", "b"]


async def test_a_key_that_failed_is_not_tried_at_once_because_it_is_added_again() -> None:
    queue, done = WorkQueue[str]("tests"), asyncio.Event()
    tries = list[str]()

    async def work(key: str) -> float | None:
        tries.append(key)
        if len(tries) == 1:
            return 3600.0
        done.set()
        return None

    queue.add("a")
    running = asyncio.get_running_loop().create_task(queue.run(work, 1))
    while not tries:
        await asyncio.sleep(0)
    for _ in range(100):
        queue.add("a")
        await asyncio.sleep(0)
    assert tries == ["a"]
    assert len(queue) == 1
    queue.add("a", changed=True)
    await asyncio.wait_for(done.wait(), 60)
    running.cancel()
    assert tries == ["a", "a"]


async def test_a_fault_of_one_key_does_not_end_the_work_on_others() -> None:
    queue, done = WorkQueue[str]("tests"), asyncio.Event()

    async def work(key: str) -> None:
        if key == "bad":
            raise ValueError("a fault")
        done.set()

    queue.add("bad")
    queue.add("good")
    await run_for(queue, work, done)
    assert len(queue) == 1, "the key that failed waits for its next try"


def test_pauses_grow_to_a_limit_and_end_with_a_change() -> None:
    queue = WorkQueue[str]("tests")
    pauses = [queue.pause("a") for _ in range(40)]
    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert pauses[-1] == LONGEST_PAUSE
    queue.forget("a")
    assert queue.pause("a") == 1.0


async def test_a_key_that_changed_while_it_was_worked_on_is_worked_on_again_though_that_succeeded() -> (
    None
):
    queue, done = WorkQueue[str]("tests"), asyncio.Event()
    tries = list[str]()

    async def work(key: str) -> float:
        tries.append(key)
        if len(tries) == 1:
            queue.add(key, changed=True)
        else:
            done.set()
        queue.note_success(key)
        return 3600.0

    queue.add("a")
    await run_for(queue, work, done)
    assert tries == ["a", "a"]
