"""The one place where the SDK gives work to threads."""

import asyncio
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

Thread = threading.Thread
"""A thread that was started and may be joined."""


def start_thread(function: Callable[..., object], *arguments: object, name: str = "") -> Thread:
    """Call a function in a daemon thread, which does not keep the program from ending."""
    thread = Thread(target=function, args=arguments, name=name or None, daemon=True)
    thread.start()
    return thread


async def run_in_thread(
    function: Callable[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
) -> Result:
    """Call a blocking function in the loop's shared threads and return what it returns."""
    return await asyncio.to_thread(function, *arguments, **named)
