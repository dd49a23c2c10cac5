"""Files on their way into a package: the same entries give the same octets on every machine."""

import gzip
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class File:
    """A regular file."""

    data: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    target: str


Tree = dict[str, File | Link]
"""Entries by their path below the root, without a slash at the front."""


def read_epoch() -> int:
    """Return the time that every file of a package gets, in seconds since 1970.

    It is SOURCE_DATE_EPOCH, as https://reproducible-builds.org/specs/source-date-epoch has it; `make`
    sets it to the time of the last commit. Raises ValueError where it is missing or no number.
    """
    found = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not found.isdecimal():
        raise ValueError("SOURCE_DATE_EPOCH: set it to seconds since 1970; `make dist` does so")
    return int(found)


def compress(data: bytes) -> File:
    """Compress a file as Debian's policy (12.3) asks, without a name or a time in it."""
    return File(gzip.compress(data, 9, mtime=0))


def write_tree(tree: Mapping[str, File | Link], folder: Path, epoch: int) -> None:
    """Write entries below a folder that is empty; every file and folder gets the time ``epoch``."""
    folders = {folder}
    for name, entry in sorted(tree.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        folders.update(above for above in path.parents if above.is_relative_to(folder))
        if isinstance(entry, Link):
            path.symlink_to(entry.target)
        else:
            path.write_bytes(entry.data)
            path.chmod(entry.mode)
        os.utime(path, (epoch, epoch), follow_symlinks=False)
    for above in sorted(folders, reverse=True):
        above.chmod(0o755)
        os.utime(above, (epoch, epoch))
