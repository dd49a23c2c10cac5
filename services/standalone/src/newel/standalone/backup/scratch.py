"""A folder for work that is either finished whole or leaves nothing."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Generator
from pathlib import Path


@contextlib.contextmanager
def open_scratch(folder: Path, work: str) -> Generator[Path]:
    """Make an empty folder, readable by its owner alone, and remove it in the end unless it was renamed.

    What a killed program left there is removed. Raises OSError while another one is at the same ``work``.
    """
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise OSError(f"{folder}: another '{work}' is at work") from None
        if is_named(descriptor, folder):
            break
        os.close(descriptor)  # its owner ended between the two calls, and removed it
    try:
        clear(folder)
        yield folder
    finally:
        if is_named(descriptor, folder):
            shutil.rmtree(folder)
        os.close(descriptor)


def is_named(descriptor: int, folder: Path) -> bool:
    """Tell whether an open folder still has this name."""
    held = os.fstat(descriptor)
    try:
        named = folder.stat()
    except FileNotFoundError:
        return False
    return (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino)


def clear(folder: Path) -> None:
    """Remove everything in a folder."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def sync_tree(folder: Path) -> None:
    """Wait until every file and folder below is on the disk, the folder itself included."""
    for path in (*folder.rglob("*"), folder):
        sync(path)


def sync(path: Path) -> None:
    """Wait until a file or a folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
