"""Writes files so that a reader sees the old content or the new, and never half of it.

A file is written next to its place and then renamed. Where that is impossible, the content is
written in place: into devices, pipes and the process's own descriptors (`/dev/stdout`) always; into
a regular file if its folder is not writable or if it is a mount of its own, as in containers.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from newel.client.open_files import find_stream, open_stream

FOLDER_REFUSES = {errno.EACCES, errno.EPERM, errno.EROFS}
RENAME_REFUSES = FOLDER_REFUSES | {errno.EBUSY, errno.EXDEV}
ACCESS_LIST = "system.posix_acl_access"


class File(NamedTuple):
    """A file to be written. ``mode`` is that of a new one: one that exists keeps its mode and owner."""

    path: Path
    data: bytes
    mode: int = 0o600


class StagedFile(NamedTuple):
    """A file that is ready to be put in its place: under a temporary name, or to be written over."""

    file: File
    path: Path
    temporary: str | None


def write(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write one file. Raise OSError that names it."""
    write_all([File(path, data, mode)])


def write_all(files: Sequence[File]) -> None:
    """Write files that belong together: on failure every one is as it was. Raise OSError that names one."""
    streams = [file for file in files if find_stream(file.path) is not None]
    staged: list[StagedFile] = []
    undo: list[tuple[Path, bytes]] = []
    try:
        for file in files:
            if file not in streams:
                with name_errors(file.path):
                    staged.append(stage(file))
        for file in streams:
            with name_errors(file.path), open_stream(file.path) as sink:
                sink.write(file.data)
        for each in sorted(staged, key=lambda one: one.temporary is not None):
            with name_errors(each.file.path):
                undo += put_in_place(each)
    except OSError:
        for path, data in reversed(undo):
            with contextlib.suppress(OSError):
                overwrite(path, data)
        raise
    finally:
        for each in staged:
            if each.temporary:
                Path(each.temporary).unlink(missing_ok=True)


@contextlib.contextmanager
def open_replacement(path: Path, mode: int = 0o600) -> Generator[BinaryIO]:
    """Give a file to write into, which becomes the content of ``path`` when the block ends well."""
    import tempfile  # costs more than a command that writes nothing

    if find_stream(path) is not None:
        with name_errors(path), open_stream(path) as sink:
            yield sink
        return
    with name_errors(path):
        each = stage(File(path, b"", mode))
        try:
            if each.temporary:
                with Path(each.temporary).open("r+b") as sink:
                    yield sink
                    sink.flush()
                    os.fsync(sink.fileno())
                put_in_place(each)
                return
            with tempfile.TemporaryFile() as sink:
                yield sink
                sink.seek(0)
                overwrite(each.path, sink.read())
        finally:
            if each.temporary:
                Path(each.temporary).unlink(missing_ok=True)


def check(path: Path) -> None:
    """Raise OSError when ``path`` could not be written, before anything is spent on its content."""
    with name_errors(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        stream = find_stream(path)
        if stream is not None:
            allowed = isinstance(stream, int) or os.access(stream, os.W_OK)
        else:
            real = path.resolve()
            if not real.parent.is_dir():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            allowed = os.access(real.parent, os.W_OK) or os.access(real, os.W_OK)
        if not allowed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def stage(file: File) -> StagedFile:
    """Write the data beside its place and on disk, with the mode and owner of what it is to replace."""
    import tempfile  # see above

    path = file.path.resolve()
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        if error.errno in FOLDER_REFUSES and path.is_file() and os.access(path, os.W_OK):
            return StagedFile(file, path, None)
        raise
    try:
        with os.fdopen(descriptor, "wb") as sink:
            sink.write(file.data)
            sink.flush()
            os.fsync(sink.fileno())
        resemble(temporary, path, file.mode)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return StagedFile(file, path, temporary)


def resemble(temporary: str, path: Path, mode: int) -> None:
    """Give a new file the owner, mode and access-control list of the one it replaces."""
    before = path.stat() if path.exists() else None
    if before is not None and os.name == "posix":
        with contextlib.suppress(PermissionError):  # only root may give a file away
            os.chown(temporary, before.st_uid, before.st_gid)
    Path(temporary).chmod(stat.S_IMODE(before.st_mode) if before else mode)
    if before is not None and hasattr(os, "setxattr"):
        with contextlib.suppress(OSError):  # most files have none, many file systems know none
            os.setxattr(temporary, ACCESS_LIST, os.getxattr(path, ACCESS_LIST))


def put_in_place(each: StagedFile) -> list[tuple[Path, bytes]]:
    """Rename the new file, or write over the old one; return what undoes the latter."""
    if each.temporary:
        try:
            os.replace(each.temporary, each.path)  # noqa: PTH105 - a name, not a Path
        except OSError as error:
            if error.errno not in RENAME_REFUSES or not each.path.is_file():
                raise
        else:
            return []
        data = Path(each.temporary).read_bytes()
    else:
        data = each.file.data
    return [(each.path, overwrite(each.path, data))]


def overwrite(path: Path, data: bytes) -> bytes:
    """Write over a regular file and return what was in it; when that fails, put the old content back."""
    with path.open("r+b") as sink:
        before = sink.read()
        try:
            refill(sink, data)
        except OSError:
            with contextlib.suppress(OSError):
                refill(sink, before)
            raise
    return before


def refill(sink: BinaryIO, data: bytes) -> None:
    """Make the data the whole content of an open file, on disk."""
    sink.seek(0)
    sink.write(data)
    sink.flush()
    sink.truncate()
    os.fsync(sink.fileno())


@contextlib.contextmanager
def name_errors(path: Path) -> Generator[None]:
    """Let errors name the file that was asked for, not the temporary one."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise
