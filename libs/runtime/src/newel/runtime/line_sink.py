"""Lines to a file or stream, one write for all that one turn of the event loop produced."""

import asyncio
import contextlib
import os
from pathlib import Path

MOST_WAITING = 16 * 1024 * 1024
"""Octets that may wait for a full disk before writers are refused."""


class SinkFullError(Exception):
    """Nothing more is taken: what was written before still waits for the disk."""


class LineSink:
    """Appends whole lines to a descriptor. What cannot be written waits, up to a bound; nothing is dropped."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: list[bytes] = []
        self._size = 0
        self._scheduled = False

    @classmethod
    def open(cls, path: Path) -> "LineSink":
        """A sink that appends to a file only its owner may read."""
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600))

    @property
    def stuck(self) -> bool:
        """Whether lines wait that an earlier attempt could not write."""
        return bool(self._waiting) and not self._scheduled

    def write(self, line: bytes) -> None:
        """Takes one line with its newline. Raises SinkFullError when too much is waiting."""
        if self._size + len(line) > MOST_WAITING:
            self.flush()
            if self._size + len(line) > MOST_WAITING:
                raise SinkFullError("the log cannot be written")
        self._waiting.append(line)
        self._size += len(line)
        if not self._scheduled:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                self.flush()  # outside a loop each line goes out at once
            else:
                self._scheduled = True
                loop.call_soon(self.flush)

    def flush(self) -> None:
        """Writes what is waiting; keeps what the disk does not take for the next line or close."""
        self._scheduled = False
        data = b"".join(self._waiting)
        written = 0
        with contextlib.suppress(OSError):
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        self._waiting = [data[written:]] if written < len(data) else []
        self._size = len(data) - written

    def close(self) -> None:
        """Writes what is left and closes the descriptor."""
        self.flush()
        os.close(self._descriptor)
