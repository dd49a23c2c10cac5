"""Several files that belong together: asked for before anything is done, written all or none."""

import contextlib
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from newel.cli.errors import CliError


class Target(NamedTuple):
    """A file to be written. ``mode`` is that of a new file: one that exists keeps its own."""

    name: str
    data: bytes
    mode: int = 0o600


def allow(names: Iterable[str], *, force: bool) -> None:
    """Asks about each file that exists and refuses what cannot be written, before anything is done.

    A one-time token that was used up for a file nobody may write is lost.
    """
    for name in names:
        path = Path(name)
        folder = path.resolve().parent
        if not folder.is_dir():
            raise CliError(f"open {name}: no such file or directory")
        if path.is_dir():
            raise CliError(f"open {name}: is a directory")
        if not os.access(folder, os.W_OK):
            raise CliError(f"open {name}: permission denied")
        if path.exists() and not force and path.is_file():
            from newel.cli.terminal import confirm

            if not confirm(f"Would you like to overwrite {name}"):
                raise CliError("file exists")


def write_all(targets: Sequence[Target]) -> None:
    """Writes every file beside its place and then puts all in place; on failure none has changed.

    Overwrites: whoever calls has asked with :func:`allow`.
    """
    staged: list[tuple[str, Path]] = []
    try:
        for target in targets:
            path = Path(target.name)
            if path.exists() and not path.is_file():
                path.write_bytes(target.data)  # /dev/stdout and the like
                continue
            staged.append((_stage(target, path.resolve()), path.resolve()))
        for temporary, path in staged:
            os.replace(temporary, path)  # noqa: PTH105 - a name, not a Path
    except OSError as error:
        raise CliError(
            f"open {error.filename or targets[0].name}: {(error.strerror or str(error)).lower()}"
        ) from None
    finally:
        for temporary, _ in staged:
            Path(temporary).unlink(missing_ok=True)


def _stage(target: Target, path: Path) -> str:
    """The data in a file of its own beside the target, on disk, with the target's mode and owner."""
    import tempfile  # costs more than a command that writes nothing

    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            sink.write(target.data)
            sink.flush()
            os.fsync(sink.fileno())
        before = path.stat() if path.exists() else None
        os.chmod(temporary, stat.S_IMODE(before.st_mode) if before else target.mode)  # noqa: PTH101
        if before is not None and os.name == "posix":
            with contextlib.suppress(PermissionError):  # only root may give a file away
                os.chown(temporary, before.st_uid, before.st_gid)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return temporary
