"""Several files that belong together: asked for before anything is done, written all or none."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from newel.cli.store.files import ask_to_overwrite, explain_errors
from newel.client import atomic_write


class Target(NamedTuple):
    """A file to be written. ``mode`` is that of a new file: one that exists keeps its own."""

    name: str
    data: bytes
    mode: int = 0o600


def allow(names: Iterable[str], *, force: bool) -> None:
    """Ask about each file that exists and refuse what cannot be written, before anything is done.

    A one-time token that was consumed for an unwritable file is lost.
    """
    for name in names:
        with explain_errors(name):
            atomic_write.check(Path(name))
        ask_to_overwrite(name, force=force)


def write_all(targets: Sequence[Target]) -> None:
    """Write every file under a temporary name, then rename all; on failure none has changed.

    It overwrites: the caller has asked with :func:`allow`.
    """
    with explain_errors(targets[0].name if targets else ""):
        atomic_write.write_all(
            [atomic_write.File(Path(name), data, mode) for name, data, mode in targets]
        )
