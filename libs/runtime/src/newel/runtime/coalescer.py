"""Turn many single calls into few batch calls.

Calls that arrive while one batch is in flight leave together. A lone call goes out at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def is_item_fault(error: Exception) -> bool:
    """Tell whether an error comes from building the batch out of its items: nothing was sent."""
    return isinstance(error, TypeError | ValueError | ArithmeticError)


class Coalescer(Generic[Item, Result]):
    """A collector of concurrent callers' items for one function that takes batches.

    ``send`` gets 1..``max_batch`` items and returns as many results in the same order; when it
    raises, every caller of that batch gets the exception, unless ``is_item_fault`` says that it may be
    a single item's: then each is sent by itself, so that one harms no other. At most ``max_in_flight``
    batches are under way at once; while one is, the next waits for it up to ``max_wait`` seconds: two
    half batches cost more than one whole, and a slow one delays the next by no more than that.
    """

    def __init__(
        self,
        send: Callable[[list[Item]], Awaitable[Sequence[Result]]],
        *,
        max_in_flight: int = 2,
        max_batch: int = 64,
        max_wait: float = 0.0,
        is_item_fault: Callable[[Exception], bool] = is_item_fault,
    ) -> None:
        self._send = send
        self._one_is_at_fault = is_item_fault
        self._max_in_flight = self._free = max_in_flight
        self._max_wait = max_wait
        self._max_batch = max_batch
        self._queue: list[tuple[Item, asyncio.Future[Result]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._scheduled: asyncio.Handle | None = None

    def call(self, item: Item) -> asyncio.Future[Result]:
        """Queue one item; return its future result, which may be cancelled without harm to its batch."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._queue.append((item, future))
        if self._free and self._scheduled is None:
            if self._max_wait and self._free < self._max_in_flight:
                self._scheduled = loop.call_later(self._max_wait, self._dispatch)
            else:
                # Everything that becomes runnable in this turn of the loop shares the batch.
                self._scheduled = loop.call_soon(self._dispatch)
        return future

    def _dispatch(self) -> None:
        if self._scheduled is not None:
            self._scheduled.cancel()
            self._scheduled = None
        while self._free and self._queue:
            batch, self._queue = self._queue[: self._max_batch], self._queue[self._max_batch :]
            self._free -= 1
            task = asyncio.get_running_loop().create_task(self._run(batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._send([item for item, _ in batch])
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - each caller handles its own
            if len(batch) > 1 and self._one_is_at_fault(error):
                for each in batch:
                    await self._run_alone(each)
            else:
                _fail(batch, error)
        else:
            _answer(batch, results)
        finally:
            self._free += 1
            self._dispatch()

    async def _run_alone(self, one: tuple[Item, asyncio.Future[Result]]) -> None:
        try:
            results = await self._send([one[0]])
        except asyncio.CancelledError:
            one[1].cancel()
            raise
        except Exception as error:  # noqa: BLE001 - its caller's
            _fail([one], error)
        else:
            _answer([one], results)


def _fail(batch: list[tuple[Item, asyncio.Future[Result]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)


def _answer(batch: list[tuple[Item, asyncio.Future[Result]]], results: Sequence[Result]) -> None:
    if len(results) != len(batch):
        _fail(batch, RuntimeError(f"{len(batch)} items were answered with {len(results)} results"))
        return
    for (_, future), result in zip(batch, results, strict=True):
        if not future.done():
            future.set_result(result)
