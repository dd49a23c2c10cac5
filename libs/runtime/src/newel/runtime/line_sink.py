"""Lines to a file or stream, with one write for all that one turn of the event loop produced.

A file that was renamed or removed, by logrotate for instance, is opened again under its name. Nothing is
synced to the disk here: lines survive the end of the process, and the loss of power a few seconds later.
"""

import asyncio
import os
import time
from pathlib import Path

MAX_BACKLOG = 16 * 1024 * 1024
"""Octets that may wait for a full disk before writers are refused."""

_LOOKS_EVERY = 1.0
"""Seconds between checks of the file's name."""


class SinkFullError(Exception):
    """No more lines are accepted, because earlier ones still wait for the disk."""


class LineSink:
    """A sink that appends whole lines to a descriptor. What cannot be written waits, up to a bound."""

    def __init__(self, descriptor: int, path: Path | None = None) -> None:
        self._descriptor = descriptor
        self._path = path  # of a file that may be rotated
        self._looked = time.monotonic()
        self._waiting: list[bytes] = []
        self._size = 0
        self._scheduled = False
        self._stuck_since: float | None = None
        self.fault = ""
        """Why the last attempt to write failed; "" when it did not."""

    @classmethod
    def open(cls, path: Path) -> "LineSink":
        """Open a sink that appends to a file which only its owner may read."""
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls(_open(path), path)

    @property
    def is_stuck(self) -> bool:
        """Whether lines wait that an earlier attempt could not write."""
        return self._stuck_since is not None

    @property
    def stuck_for(self) -> float:
        """Seconds since lines could first not be written; 0 when none wait for the disk."""
        return 0.0 if self._stuck_since is None else time.monotonic() - self._stuck_since

    @property
    def backlog(self) -> int:
        """Octets that are not written yet."""
        return self._size

    def write(self, line: bytes, most: int = MAX_BACKLOG) -> None:
        """Take one line with its newline. Raises SinkFullError when more than ``most`` octets would wait."""
        if self._size + len(line) > most:
            self.flush()
            if self._size + len(line) > most:
                raise SinkFullError("the log cannot be written")
        self._waiting.append(line)
        self._size += len(line)
        if not self._scheduled:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                self.flush()  # outside a loop each line is written at once
            else:
                self._scheduled = True
                loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what is waiting; keep what the disk does not take for the next attempt."""
        self._scheduled = False
        data = b"".join(self._waiting)
        written = 0
        try:
            if self._path is not None and time.monotonic() - self._looked > _LOOKS_EVERY:
                self.reopen()
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        except OSError as error:
            if self._stuck_since is None:
                self._stuck_since = time.monotonic()
            self.fault = error.strerror or str(error)
        else:
            self._stuck_since, self.fault = None, ""
        self._waiting = [data[written:]] if written < len(data) else []
        self._size = len(data) - written

    def reopen(self) -> None:
        """Open the file again when its name leads to another one, or to none. Raises OSError."""
        if self._path is None:
            return
        self._looked = time.monotonic()
        held = os.fstat(self._descriptor)
        try:
            named = self._path.stat()
        except FileNotFoundError:
            named = None
        if named is None or (named.st_dev, named.st_ino) != (held.st_dev, held.st_ino):
            opened = _open(self._path)
            os.close(self._descriptor)
            self._descriptor = opened

    def close(self) -> None:
        """Write what is left and close the descriptor."""
        self.flush()
        os.close(self._descriptor)


def _open(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    size = os.fstat(descriptor).st_size
    # A process killed on a full disk leaves half a line, which must not swallow the next one.
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        try:
            os.write(descriptor, b"\n")
        except OSError:
            os.close(descriptor)
            raise
    return descriptor
