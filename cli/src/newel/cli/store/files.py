"""Reading what the user names and writing what the user asked for: whole files or none."""

import contextlib
import sys
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from newel.cli.errors import CliError
from newel.client import atomic_write
from newel.client.open_files import find_stream

LARGEST_INPUT = 32 * 1024 * 1024
UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def read(name: str, *, exact: bool = False) -> bytes:
    """Return a file's content, "-" being stdin; text in UTF-16 or with a mark becomes UTF-8 unless exact."""
    try:
        data = read_stdin() if name == "-" else read_file(Path(name))
    except FileNotFoundError:
        raise CliError(f"open {name}: no such file or directory") from None
    except PermissionError:
        raise CliError(f"open {name}: permission denied") from None
    except IsADirectoryError:
        raise CliError(f"read {name}: is a directory") from None
    if len(data) > LARGEST_INPUT:
        raise CliError(f"{name} is larger than {LARGEST_INPUT // 1024 // 1024} MiB")
    return data if exact else utf_8(data)


def utf_8(data: bytes) -> bytes:
    """Return text without its byte order mark, UTF-16 as UTF-8; other octets as they are."""
    encoding = UTF_16.get(data[:2])
    if encoding is None:
        return data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data[2:].decode(encoding).encode()
    except UnicodeError:
        return data


def read_stdin() -> bytes:
    """Return the content of stdin, which may be closed."""
    source = cast("TextIO | None", sys.stdin)
    if source is None:
        raise CliError("read /dev/stdin: bad file descriptor")
    return source.buffer.read(LARGEST_INPUT + 1)


def read_file(path: Path) -> bytes:
    """Up to one octet more than the limit, so that the caller sees when there is too much."""
    with path.open("rb") as source:
        return source.read(LARGEST_INPUT + 1)


def read_password(name: str) -> str:
    """Return a password file: all of it, without the white space at its end."""
    return read(name).decode(errors="surrogateescape").rstrip()


def write(name: str, data: bytes, *, mode: int = 0o600, force: bool = False) -> None:
    """Write a file as a whole: a crash or a full disk leaves the old one as it was.

    Asks before it overwrites, unless forced. ``mode`` is the permission of a new file.
    """
    ask_to_overwrite(name, force=force)
    with explain_errors(name):
        atomic_write.write(Path(name), data, mode)


@contextlib.contextmanager
def open_for_writing(name: str, *, mode: int = 0o600, force: bool = False) -> Generator[BinaryIO]:
    """Open a file for writing as a whole: it appears when the block succeeds."""
    ask_to_overwrite(name, force=force)
    with explain_errors(name), atomic_write.open_replacement(Path(name), mode) as sink:
        yield sink


def ask_to_overwrite(name: str, *, force: bool) -> None:
    """Ask whether a regular file may be overwritten; devices, pipes and descriptors are written through."""
    path = Path(name)
    with explain_errors(name):
        there = path.exists() and find_stream(path) is None
    if there and not force:
        from newel.cli.interact.terminal import confirm

        if not confirm(f"Would you like to overwrite {name}"):
            raise CliError("file exists")


@contextlib.contextmanager
def explain_errors(name: str) -> Generator[None]:
    """Turn the system's errors about a file into the line a person reads."""
    try:
        yield
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise CliError(f"open {error.filename or name}: {cause}") from None


def replace(path: Path, data: bytes, mode: int) -> None:
    """Put the data in the place of the file, if there is one. Raise CliError."""
    with explain_errors(str(path)):
        atomic_write.write(path, data, mode)


def make_directory(path: Path) -> None:
    """Create a directory that only its owner may enter, with its parents."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise CliError(f"mkdir {error.filename or path}: {cause}") from None
