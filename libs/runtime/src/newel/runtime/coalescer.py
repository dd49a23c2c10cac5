"""Many single calls as few batch calls, without waiting: while one batch is out, what arrives
piles up and leaves together. A lone call goes out at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def is_item_fault(error: Exception) -> bool:
    """Whether a batch could not even be made of its items: nothing of it has been sent."""
    return isinstance(error, TypeError | ValueError | ArithmeticError)


class Coalescer(Generic[Item, Result]):
    """Collects items of concurrent callers for one batch-shaped function.

    ``send`` gets 1..``largest`` items and answers with as many results in the same order; when it
    raises, every caller of that batch gets the exception, unless ``is_item_fault`` says that it may be
    a single item's: then each is sent by itself, so that one harms no other. ``out`` batches may be
    under way at once; while one is, the next waits for it up to ``patience`` seconds: two half batches
    at once cost more than one whole, and yet nobody waits long behind a slow one.
    """

    def __init__(
        self,
        send: Callable[[list[Item]], Awaitable[Sequence[Result]]],
        *,
        out: int = 2,
        largest: int = 64,
        patience: float = 0.0,
        is_item_fault: Callable[[Exception], bool] = is_item_fault,
    ) -> None:
        self._send = send
        self._one_is_at_fault = is_item_fault
        self._out = self._free = out
        self._patience = patience
        self._largest = largest
        self._queue: list[tuple[Item, asyncio.Future[Result]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._scheduled: asyncio.Handle | None = None

    def call(self, item: Item) -> asyncio.Future[Result]:
        """The future result of one item. Cancelling it leaves the rest of its batch alone."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._queue.append((item, future))
        if self._free and self._scheduled is None:
            if self._patience and self._free < self._out:
                self._scheduled = loop.call_later(self._patience, self._dispatch)
            else:
                # everything that becomes runnable in this turn of the loop shares the batch
                self._scheduled = loop.call_soon(self._dispatch)
        return future

    def _dispatch(self) -> None:
        if self._scheduled is not None:
            self._scheduled.cancel()
            self._scheduled = None
        while self._free and self._queue:
            batch, self._queue = self._queue[: self._largest], self._queue[self._largest :]
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
        except Exception as error:  # noqa: BLE001 - it is the callers' to handle, each its own
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
