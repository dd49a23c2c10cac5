"""The audit trail as one stream of lines: the current file and those that it was rotated into."""

import bz2
import gzip
import lzma
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

LONGEST_LINE = 16 << 20
"""Octets of one line."""
_NUMBER = re.compile(r"\.(\d{1,6})(\.gz|\.bz2|\.xz)?")
_DATE = re.compile(r"-(\d{8}(?:-?\d{1,10})?)(\.gz|\.bz2|\.xz)?")
_READERS: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.GzipFile,
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}


class TrailError(ValueError):
    """A trail that cannot be read, with the reason in one line."""


class Line(NamedTuple):
    """One line with its newline, and where it is."""

    octets: bytes
    file: Path
    number: int


def list_files(path: Path) -> list[Path]:
    """List a trail's files, the oldest first, as logrotate names them: by number or by date.

    Raises TrailError where the order is not known, and OSError.
    """
    numbered: list[tuple[int, Path]] = []
    dated: list[tuple[str, Path]] = []
    for each in path.parent.iterdir():
        rest = each.name.removeprefix(path.name)
        if rest in ("", each.name):
            continue
        if match := _NUMBER.fullmatch(rest):
            numbered.append((-int(match[1]), each))
        elif match := _DATE.fullmatch(rest):
            dated.append((match[1], each))
        else:
            raise TrailError(
                f"{each}: it is not known whether this is a part of the trail; move it away, or name the"
                " parts by --file, the oldest first"
            )
    if numbered and dated:
        raise TrailError(
            f"{path} was rotated by number and by date: name the parts by --file, the oldest first"
        )
    rotated = [*sorted(numbered), *sorted(dated)]
    for (place, former), (following, each) in pairwise(rotated):
        if place == following:
            raise TrailError(
                f"{former.name} and {each.name} are the same part twice: where logrotate is at work, try again;"
                " otherwise remove the one that is not whole"
            )
    found = [each for _, each in rotated]
    if path.exists() or not found:
        found.append(path)
    return found


class Parts(NamedTuple):
    """The files of a trail, and which ones their names led to when they were listed."""

    files: list[Path]
    identities: list[tuple[int, int]]


def find_parts(given: Sequence[Path], path: Path) -> Parts:
    """Find the files of a trail: those that are ``given``, or those that there are. Raises as list_files."""
    files = list(given) or list_files(path)
    facts = [file.stat() for file in files]
    return Parts(files, [(each.st_dev, each.st_ino) for each in facts])


def require_same(parts: Parts, given: Sequence[Path], path: Path) -> None:
    """Raise TrailError when the trail was rotated since: what was read may lack a part, or have one twice."""
    try:
        now = find_parts(given, path)
    except FileNotFoundError:
        now = None
    if now != parts:
        raise TrailError("the trail was rotated while it was read: try again")


def read_lines(files: Sequence[Path]) -> Iterator[Line]:
    """Yield every whole line. The last line of the last file is not whole while it is being written.

    Raises TrailError and OSError.
    """
    for place, file in enumerate(files):
        with _open(file) as stream:
            number = 0
            try:
                while octets := stream.readline(LONGEST_LINE + 1):
                    number += 1
                    if len(octets) > LONGEST_LINE:
                        raise TrailError(
                            f"{file}:{number}: a line of more than {LONGEST_LINE} octets"
                        )
                    if not octets.endswith(b"\n") and place == len(files) - 1:
                        break
                    yield Line(octets, file, number)
            except (EOFError, lzma.LZMAError, zlib.error) as error:
                raise TrailError(f"{file}: it is not whole: {error}") from None
            except OSError as error:
                if error.errno is not None:
                    raise
                raise TrailError(f"{file}: it is not whole: {error}") from None  # gzip and bz2


def _open(file: Path) -> BinaryIO:
    reader = _READERS.get(file.suffix)
    return cast("BinaryIO", reader(file)) if reader else file.open("rb")
