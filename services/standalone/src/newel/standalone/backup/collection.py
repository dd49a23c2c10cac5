"""What a backup holds: the files below the state folder, and a copy of every database at one moment each."""

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

from newel.standalone.backup.encryption import ArchiveError
from newel.standalone.backup.manifest import AuditMark, Content
from newel.standalone.layout import Layout
from newel.standalone.settings import Settings

LARGEST_FILE = 64 << 20
"""Octets of a file that is no database."""
HELD = 64 << 20
"""Octets of such files that are held in memory at once."""
MOST_FILES = 100_000
ORDER = ("validation", "inventory", "alerting", "dashboard", "registration", "issuing")
"""The order of the copies. The last one has the records that the others are about.

So no copy knows of a certificate that the issuing authority's copy lacks. What a projection's copy lacks it
learns again by comparing.
"""
SCRATCH = "db/backup"
_OWN = (".sqlite", ".sqlite-wal", ".sqlite-shm", ".sqlite-journal")
"""A journal beside the copy of another moment would be rolled back into it."""
_PIECE = 1 << 20


def list_files(layout: Layout) -> dict[str, Path]:
    """Return the files to keep by their paths below the state folder, without databases and logs.

    Links are followed, as secrets are mounted by them. Raises ArchiveError for what cannot be kept.
    """
    found: dict[str, Path] = {}
    for folder, folders, files in os.walk(layout.state, onerror=_refuse):
        here = Path(folder)
        for name in list(folders):
            path = here / name
            below = str(path.relative_to(layout.state))
            if below in ("log", SCRATCH):
                folders.remove(name)
            elif path.is_symlink() and not path.resolve().is_relative_to(layout.state.resolve()):
                raise ArchiveError(
                    f"{path} is a link to a folder elsewhere; keep that folder apart, and its files in"
                    " the state folder"
                )
        for name in files:
            path = here / name
            if not (here == layout.lock.parent and (_is_database(name) or path == layout.lock)):
                found[str(path.relative_to(layout.state))] = path
        if len(found) > MOST_FILES:
            raise ArchiveError(f"{layout.state} has more than {MOST_FILES} files")
    for path in found.values():
        if not path.is_file():
            raise ArchiveError(f"{path} is no file that can be kept; move it away")
    return dict(sorted(found.items()))


def _refuse(error: OSError) -> None:
    raise error


def _is_database(name: str) -> bool:
    return name.endswith(_OWN) or (name.startswith("audit.log"))


def list_elsewhere(settings: Settings) -> list[str]:
    """Return the files that ca.json names outside of the state folder: they are in no archive."""
    state = settings.layout.state.resolve()
    ca = settings.ca
    named = [ca.crt, ca.key, *ca.roots, *(ca.federated_roots or ()), str(settings.password_file)]
    if ca.ssh:
        named += [ca.ssh.host_key, ca.ssh.user_key]
    for _, certificate, key in settings.former_issuers:
        named += [certificate, key]
    files = [Path(each) for each in dict.fromkeys(named) if each]
    return [str(each) for each in files if each.is_file() and not _is_below(each.absolute(), state)]


def _is_below(path: Path, state: Path) -> bool:
    return path.is_relative_to(state) or path.parent.resolve().is_relative_to(state)


def read_file(path: Path) -> bytes:
    """Read a file to keep. Raises OSError and ArchiveError."""
    with path.open("rb") as file:
        octets = file.read(LARGEST_FILE + 1)
    if len(octets) > LARGEST_FILE:
        raise ArchiveError(f"{path} has more than {LARGEST_FILE >> 20} MiB; keep it apart")
    return octets


def read_files(files: Mapping[str, Path]) -> dict[str, bytes | Path]:
    """Read the files to keep into memory as far as they fit; what is left is read where it is.

    What is in memory cannot change between its description and its place in the archive; the rest is
    compared there. Raises OSError and ArchiveError.
    """
    found: dict[str, bytes | Path] = {}
    held = 0
    for name, path in files.items():
        size = path.stat().st_size
        if held + min(size, LARGEST_FILE + 1) <= HELD or size > LARGEST_FILE:
            octets = read_file(path)
            held += len(octets)
            found[name] = octets
        else:
            found[name] = path
    return found


def copy_databases(layout: Layout, folder: Path) -> dict[str, Path]:
    """Copy every database there is into a folder, while others write; return the copies by service.

    Each copy is one moment of its database. Writers go on: a copy reads a snapshot of the write-ahead log.
    Raises ArchiveError for a damaged one.
    """
    copies: dict[str, Path] = {}
    for service in ORDER:
        path = layout.database_file(service)
        if not path.exists():
            continue
        copy = folder / path.name
        os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            with (
                contextlib.closing(
                    sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
                ) as source,
                contextlib.closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
                damage = target.execute("PRAGMA quick_check(1)").fetchone()[0]
                # the copy is one file, whatever opens it
                target.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.Error as error:
            raise ArchiveError(f"{path}: cannot be copied: {error}") from None
        if damage != "ok":
            raise ArchiveError(f"{path}: the database is damaged ({damage})")
        copies[service] = copy
    return copies


def describe(path: Path) -> Content:
    """Return length and hash of a file."""
    octets, digest = 0, hashlib.sha256()
    for piece in read_pieces(path):
        octets += len(piece)
        digest.update(piece)
    return Content(octets, digest.hexdigest())


def mark_audit(layout: Layout) -> AuditMark:
    """Return length and hash of the audit trail as it is now."""
    path = layout.audit
    if not path.exists():
        return AuditMark(0, hashlib.sha256().hexdigest())
    content = describe(path)
    return AuditMark(content.octets, content.sha256)


def read_pieces(path: Path) -> Iterator[bytes]:
    """Yield the content of a file in pieces of a mebibyte."""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
