"""The end of a child process when its parent is gone.

The parent holds one end of a pipe and never writes; when it exits, for whatever reason, the other end reads
end-of-file. No signal would reach these processes: they have sessions of their own.
"""

import asyncio
import logging
import os
import select
import signal
from collections.abc import Callable, Mapping

VARIABLE = "NEWEL_PARENT_FD"
"""The environment variable with the number of the pipe's reading end."""

END_WITHIN = 25.0
"""Seconds to drain in, after which a process without a parent is killed."""

_log = logging.getLogger("newel.runtime.process.parent")


class Lifeline:
    """The parent's side: the pipe each child is started with."""

    def __init__(self) -> None:
        self._reading, self._held = os.pipe()

    @property
    def pass_fds(self) -> tuple[int, ...]:
        """The descriptors that the child inherits."""
        return (self._reading,)

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return the child's environment."""
        return {**base, VARIABLE: str(self._reading)}


def take_lifeline() -> int | None:
    """Take this process's end of the pipe out of the environment; return None without a parent."""
    given = os.environ.pop(VARIABLE, "")
    if not given.isdecimal():
        return None
    os.set_inheritable(int(given), False)
    return int(given)


def is_cut(lifeline: int | None) -> bool:
    """Tell whether the parent is gone, for a program without an event loop."""
    return lifeline is not None and bool(select.select([lifeline], [], [], 0)[0])


def end_with_parent(lifeline: int | None) -> Callable[[], None]:
    """Make the running loop end the process, by SIGTERM, when its parent is gone; return what undoes it."""
    if lifeline is None:
        return lambda: None
    loop = asyncio.get_running_loop()

    def cut() -> None:
        loop.remove_reader(lifeline)
        _log.warning("the process that started this one is gone: shutting down")
        loop.call_later(END_WITHIN, os.kill, os.getpid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(lifeline, cut)

    def undo() -> None:
        loop.remove_reader(lifeline)

    return undo
