"""The one place where services give work to threads and start programs."""

import asyncio
import contextlib
import functools
import os
import select
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

Program = subprocess.Popen[bytes]
"""A program that was started and may be waited for."""


async def run_in_thread(
    function: Callable[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
) -> Result:
    """Call a blocking function in the loop's shared threads and return what it returns."""
    return await asyncio.to_thread(function, *arguments, **named)


def submit_to_thread(
    function: Callable[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
) -> asyncio.Future[Result]:
    """Start the same call without waiting for it."""
    call = functools.partial(function, *arguments, **named)
    return asyncio.get_running_loop().run_in_executor(None, call)


class ThreadPool:
    """Threads of their own for one kind of work, which then never waits for another kind."""

    def __init__(self, size: int, name: str) -> None:
        self._executor = ThreadPoolExecutor(size, thread_name_prefix=name)

    def submit(
        self,
        function: Callable[Parameters, Result],
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> asyncio.Future[Result]:
        """Call a blocking function in one of the threads; its result is awaited on the running loop."""
        return asyncio.wrap_future(self._executor.submit(function, *arguments, **named))

    def hand_over(self, function: Callable[[], Result], take: Callable[[Result], object]) -> None:
        """Call a function that raises nothing in one of the threads; the running loop takes its result.

        Cheaper than ``submit``, for what is called all the time. A loop that has ended takes none.
        """
        loop = asyncio.get_running_loop()

        def work() -> None:
            result = function()
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(take, result)

        self._executor.submit(work)

    def close(self) -> None:
        """Wait for the calls under way and end the threads."""
        self._executor.shutdown(wait=True)


def start_program(
    command: Sequence[str], environment: Mapping[str, str], descriptors: Sequence[int] = ()
) -> Program:
    """Start a program in a session of its own, so that Ctrl-C reaches this process only.

    It inherits ``descriptors``. Raises OSError.
    """
    return subprocess.Popen(  # noqa: S603 - callers pass a list of arguments, and no shell reads it
        command, start_new_session=True, env=environment, pass_fds=tuple(descriptors)
    )


def read_output(command: Sequence[str], limit: int, seconds: float) -> bytes:
    """Run a program without input and return what it prints, at most ``limit`` octets.

    Raises OSError for a program that cannot start, fails, prints more or takes longer; it is then killed.
    """
    deadline = time.monotonic() + seconds
    with subprocess.Popen(  # noqa: S603 - callers pass a list of arguments, and no shell reads it
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as program:
        try:
            data = _read_until(program, limit, deadline)
            code = program.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"it took longer than {seconds:g} s") from None
        finally:
            program.kill()  # does nothing to one that has ended
    if code:
        raise ChildProcessError(f"it ended with the exit status {code}")
    return data


def _read_until(program: Program, limit: int, deadline: float) -> bytes:
    """Read what a program prints to its end. Raises OSError and ``subprocess.TimeoutExpired``."""
    pipe = program.stdout
    data = b""
    while pipe is not None:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise subprocess.TimeoutExpired(program.args, left)
        chunk = os.read(pipe.fileno(), limit + 1)
        if not chunk:
            break
        data += chunk
        if len(data) > limit:
            raise OSError(f"it printed more than {limit} octets")
    return data
