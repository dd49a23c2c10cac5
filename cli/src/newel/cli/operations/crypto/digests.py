"""Digests of files and directories, and the names digests go by on the command line."""

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from newel.cli.errors import CliError, UsageError

BLOCK = 1 << 20
NAMES = {
    "sha": "sha1", "sha1": "sha1", "sha224": "sha224", "sha256": "sha256", "sha384": "sha384",
    "sha512": "sha512", "sha512-224": "sha512_224", "sha512-256": "sha512_256", "md5": "md5",
}  # fmt: skip # a table
DEEPEST = 128

# How Go's io/fs numbers file modes: the digest of a directory covers these, not the POSIX ones.
GO_MODES = (
    (stat.S_ISDIR, 1 << 31),
    (stat.S_ISLNK, 1 << 27),
    (stat.S_ISFIFO, 1 << 25),
    (stat.S_ISSOCK, 1 << 24),
)
GO_BITS = ((stat.S_ISUID, 1 << 23), (stat.S_ISGID, 1 << 22), (stat.S_ISVTX, 1 << 20))

New = Callable[[], Any]


def choose(alg: str | None, *, insecure: bool) -> New:
    """Return the constructor of a digest, SHA-256 without a name; MD5 only when it may be weak."""
    alg = alg or "sha256"
    if alg not in NAMES:
        raise UsageError(f"invalid value '{alg}' for flag '--alg'")
    if alg == "md5" and not insecure:
        raise UsageError("flag '--alg md5' requires the '--insecure' flag")
    return lambda: hashlib.new(NAMES[alg], usedforsecurity=False)


def of_path(new: New, name: str) -> bytes:
    """Return the digest of a file, or of a directory with everything in it."""
    path = Path(name)
    try:
        return of_directory(new, path) if path.is_dir() else of_file(new, path)
    except OSError as error:
        raise CliError(f"open {name}: {(error.strerror or str(error)).lower()}") from None


def of_file(new: New, path: Path) -> bytes:
    """Return the digest of a file's content."""
    digest = new()
    with path.open("rb") as source:
        while block := source.read(BLOCK):
            digest.update(block)
    return bytes(digest.digest())


def of_directory(new: New, path: Path, depth: int = 0) -> bytes:
    """Return the digest over a directory's mode and, by name, the mode and digest of each entry."""
    if depth > DEEPEST:
        raise CliError(f"{path}: more than {DEEPEST} levels; is there a circle of links?")
    digest = new()
    digest.update(go_mode(path.stat().st_mode))
    for name in sorted(os.listdir(path), key=os.fsencode):  # noqa: PTH208 - the order of the octets
        entry = path / name
        mode = entry.lstat().st_mode
        if stat.S_ISDIR(mode):
            digest.update(of_directory(new, entry, depth + 1))
            continue
        digest.update(go_mode(mode))
        target = entry.resolve(strict=True)
        if target.is_dir():
            digest.update(of_directory(new, target, depth + 1))
        else:
            digest.update(of_file(new, target))
    return bytes(digest.digest())


def go_mode(mode: int) -> bytes:
    """Return a POSIX mode as Go's fs.FileMode, little-endian."""
    value = stat.S_IMODE(mode) & 0o777
    value |= sum(bit for matches, bit in GO_MODES if matches(mode))
    value |= sum(bit for posix, bit in GO_BITS if mode & posix)
    return value.to_bytes(4, "little")
