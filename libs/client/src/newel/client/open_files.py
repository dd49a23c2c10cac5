"""Tells what a name leads to that must be written through and never replaced: devices, pipes, descriptors."""

import os
import re
import stat
import sys
from pathlib import Path
from typing import BinaryIO

OWN_DESCRIPTORS = re.compile(r"/proc/(?P<process>\d+)(/task/\d+)?/fd|/dev/fd")
PROCESSES = "/proc/"
MOST_LINKS = 40


def find_stream(path: Path) -> int | str | None:
    """Return the process's own descriptor, or the name, that takes the data; None for a regular or new file.

    What is reached through /proc is a stream even where it is a regular file in the end: `--out /dev/stdout >
    report` means the file that the shell has opened, not another one of its name.
    """
    name = str(path)
    for _ in range(MOST_LINKS):
        folder, last = os.path.split(name)
        folder = os.path.realpath(folder)
        own = OWN_DESCRIPTORS.fullmatch(folder)
        if own and last.isdigit() and own["process"] in {None, str(os.getpid())}:
            return int(last)
        if folder.startswith(PROCESSES):
            return str(path)
        name = os.path.join(folder, last)  # noqa: PTH118 - a link's text is no Path yet
        if not os.path.islink(name):  # noqa: PTH114 - see above
            break
        name = os.path.join(folder, os.readlink(name))  # noqa: PTH115, PTH118 - see above
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return None if regular else str(path)


def open_stream(path: Path) -> BinaryIO:
    """Open a stream for writing, without creating or truncating anything. Raise OSError."""
    stream = find_stream(path)
    if isinstance(stream, int):
        if stream == 1 and sys.stdout is not None:
            sys.stdout.flush()  # what was printed before comes first
        return os.fdopen(os.dup(stream), "wb")
    return os.fdopen(os.open(path, os.O_WRONLY | getattr(os, "O_BINARY", 0)), "wb")
