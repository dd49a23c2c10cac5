"""Checkpoints of an audit trail: what a part of it was, written down where its writers cannot change it.

A checkpoint is a line of JSON about the lines since the one before: how many octets and their SHA-256. It
names the hash of the checkpoint before it, so that none can be left out or put between.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import msgspec

from newel.standalone.audit.trail import Line, TrailError

LARGEST = 64 << 20
"""Octets of a file of checkpoints."""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a trail."""

    number: int
    """From 1 on."""
    made_at: str
    """RFC 3339."""
    first_line: str
    """SHA-256 of the part's first line, by which it is found where earlier files were removed."""
    lines: int
    octets: int
    sha256: str
    """Of the part's lines, with their newlines."""
    previous: str
    """SHA-256 of the line of the checkpoint before; "" for the first one."""


class Verdict(NamedTuple):
    """What a comparison came to."""

    fault: str
    """"" when every part is as it was."""
    checked: int
    """How many checkpoints were compared."""


def hash_line(octets: bytes) -> str:
    """Return the SHA-256 of octets in hexadecimal digits."""
    return hashlib.sha256(octets).hexdigest()


def read_checkpoints(file: Path) -> tuple[list[Checkpoint], str]:
    """Read a file of checkpoints, and the hash of its last line. Raises TrailError for a broken chain."""
    with file.open("rb") as opened:
        content = opened.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise TrailError(f"{file}: it is larger than {LARGEST >> 20} MiB")
    if content and not content.endswith(b"\n"):
        raise TrailError(
            f"{file}: its last line has no end: a 'newel audit checkpoint' did not finish; remove that line"
        )
    found: list[Checkpoint] = []
    previous = ""
    for number, line in enumerate(content.splitlines(), 1):
        try:
            each = msgspec.json.decode(line, type=Checkpoint)
        except msgspec.MsgspecError as error:
            raise TrailError(f"{file}:{number}: this is no checkpoint: {error}") from None
        if each.number != number or each.previous != previous:
            raise TrailError(
                f"{file}:{number}: this checkpoint does not follow the one before it: a line was changed,"
                " moved or left out"
            )
        found.append(each)
        previous = hash_line(line)
    return found, previous


def compare(
    checkpoints: Sequence[Checkpoint], lines: Iterator[Line], first: int = 1
) -> tuple[Verdict, Iterator[Line]]:
    """Compare a trail with its checkpoints from the ``first`` on: what is before may have been removed.

    The lines after the last checkpoint, for which nothing vouches, are returned as well. Raises TrailError for a
    checkpoint that there is not.
    """
    wanted = checkpoints[first - 1 :]
    if checkpoints and not wanted:
        raise TrailError(f"there is no checkpoint {first}; the last one is {len(checkpoints)}")
    line = next(lines, None)
    if first > 1:
        while line is not None and hash_line(line.octets) != wanted[0].first_line:
            line = next(lines, None)
    for done, checkpoint in enumerate(wanted):
        digest = hashlib.sha256()
        begin = line
        for _ in range(checkpoint.lines):
            if line is None:
                return Verdict(_describe_end(checkpoint), done), iter(())
            digest.update(line.octets)
            line = next(lines, None)
        if begin is not None and digest.hexdigest() != checkpoint.sha256:
            return Verdict(_describe_change(checkpoint, begin), done), iter(())
    later = lines if line is None else chain((line,), lines)
    return Verdict("", len(wanted)), later


def _describe_end(checkpoint: Checkpoint) -> str:
    return (
        f"the trail ends before the {checkpoint.lines} lines of checkpoint {checkpoint.number}"
        f" ({checkpoint.made_at}) do: lines were removed"
    )


def _describe_change(checkpoint: Checkpoint, begin: Line) -> str:
    found = hash_line(begin.octets) == checkpoint.first_line
    what = (
        "a line of it was changed, removed or added"
        if found
        else "its first line is another one: lines before it were removed or added, or it was changed"
    )
    return (
        f"from {begin.file}:{begin.number} on the trail is not what checkpoint {checkpoint.number}"
        f" ({checkpoint.made_at}) says: {what}"
    )


def make_checkpoint(
    checkpoints: Sequence[Checkpoint], previous: str, lines: Iterable[Line], made_at: str
) -> Checkpoint | None:
    """Make the checkpoint of the lines after the last one; None when there are none."""
    digest, octets, count, first = hashlib.sha256(), 0, 0, ""
    for line in lines:
        first = first or hash_line(line.octets)
        digest.update(line.octets)
        octets += len(line.octets)
        count += 1
    if not count:
        return None
    return Checkpoint(
        number=len(checkpoints) + 1,
        made_at=made_at,
        first_line=first,
        lines=count,
        octets=octets,
        sha256=digest.hexdigest(),
        previous=previous,
    )
