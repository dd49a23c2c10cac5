"""The hot RPCs take batches, and the caller's stub gathers single calls into them."""

import asyncio
from collections.abc import Sequence

import pytest

from newel.runtime.coalescer import Coalescer


class Echo:
    """A batch-shaped function that answers when it is let."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()

    async def send(self, items: list[int]) -> Sequence[int]:
        self.batches.append(items)
        await self.gate.wait()
        return [item * 10 for item in items]


async def test_a_lone_call_leaves_at_once() -> None:
    echo = Echo()
    echo.gate.set()
    assert await Coalescer(echo.send).call(4) == 40
    assert echo.batches == [[4]]


async def test_what_arrives_while_batches_are_out_leaves_together_in_order() -> None:
    echo = Echo()
    coalescer = Coalescer(echo.send, max_in_flight=1, max_batch=3)
    calls = [coalescer.call(1)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    calls += [coalescer.call(n) for n in (2, 3, 4, 5)]
    echo.gate.set()
    assert await asyncio.gather(*calls) == [10, 20, 30, 40, 50]
    assert echo.batches == [[1], [2, 3, 4], [5]]


async def test_the_patient_wait_for_the_batch_under_way() -> None:
    echo = Echo()
    coalescer = Coalescer(echo.send, max_wait=60)
    calls = [coalescer.call(1)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    calls.append(coalescer.call(2))
    await asyncio.sleep(0.01)
    calls.append(coalescer.call(3))
    assert echo.batches == [[1]]
    echo.gate.set()
    assert await asyncio.gather(*calls) == [10, 20, 30]
    assert echo.batches == [[1], [2, 3]]
    assert await coalescer.call(4) == 40


async def test_a_slow_batch_delays_the_next_by_no_more_than_the_maximum() -> None:
    slow, sent = asyncio.Event(), list[list[int]]()

    async def send(items: list[int]) -> Sequence[int]:
        sent.append(items)
        if 1 in items:
            await slow.wait()
        return items

    coalescer = Coalescer(send, max_wait=0.001)
    first = coalescer.call(1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await asyncio.wait_for(coalescer.call(2), 5) == 2
    assert await asyncio.wait_for(coalescer.call(3), 5) == 3
    assert not first.done()
    slow.set()
    assert await first == 1
    assert sent == [[1], [2], [3]]


async def test_a_cancelled_caller_leaves_its_batch_alone() -> None:
    echo = Echo()
    coalescer = Coalescer(echo.send)
    first, second = coalescer.call(1), coalescer.call(2)
    await asyncio.sleep(0)
    first.cancel()
    echo.gate.set()
    assert await second == 20
    assert first.cancelled()


async def test_a_failed_batch_fails_its_callers_and_nobody_else() -> None:
    async def send(items: list[int]) -> Sequence[int]:
        if 13 in items:
            raise ValueError("thirteen")
        return items

    coalescer = Coalescer(send, max_batch=1)
    results = await asyncio.gather(
        *(coalescer.call(n) for n in (12, 13, 14)), return_exceptions=True
    )
    assert results[0] == 12
    assert isinstance(results[1], ValueError)
    assert results[2] == 14


async def test_too_few_results_are_an_error_for_the_whole_batch() -> None:
    async def send(items: list[int]) -> Sequence[int]:
        return items[:-1]

    coalescer = Coalescer(send)
    results = await asyncio.gather(coalescer.call(1), coalescer.call(2), return_exceptions=True)
    assert [type(result) for result in results] == [RuntimeError, RuntimeError]


async def test_a_cancelled_batch_cancels_its_callers() -> None:
    async def send(items: list[int]) -> Sequence[int]:
        raise asyncio.CancelledError

    call = Coalescer(send).call(1)
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_an_item_no_batch_can_be_made_of_harms_no_other() -> None:
    async def send(items: list[object]) -> list[int]:
        return [int(item) for item in items]  # type: ignore[call-overload]

    coalescer: Coalescer[object, int] = Coalescer(send)
    calls = [coalescer.call(item) for item in ("1", "two", None, "4")]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert (results[0], results[3]) == (1, 4)
    assert [type(result) for result in results[1:3]] == [ValueError, TypeError]
