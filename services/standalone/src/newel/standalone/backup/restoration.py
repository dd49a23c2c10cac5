"""An archive back in its place, whole or not at all: made beside it, fenced, and then renamed."""

import asyncio
import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, NamedTuple

from newel.dashboard import app as dashboard
from newel.registration import app as registration
from newel.runtime.audit_log import AuditLog
from newel.runtime.clock import SystemClock
from newel.runtime.config import ConfigError
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database, Statement
from newel.runtime.database.migrations import migrate
from newel.runtime.line_sink import LineSink
from newel.standalone.app import REVISIONS, TABLES
from newel.standalone.backup.archive import MODE, read_archive
from newel.standalone.backup.encryption import ArchiveError
from newel.standalone.backup.manifest import Manifest
from newel.standalone.backup.scratch import open_scratch, sync, sync_tree
from newel.standalone.layout import Layout
from newel.standalone.settings import read_settings
from newel.validation import app as validation

_PIECE = 1 << 20
_CONNECTED = Statement("""
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND application_name LIKE 'newel-%' AND pid <> pg_backend_pid()""")
_TRIES = 5
"""How often that is asked, a second apart: a connection lasts a moment longer than its client."""
_BEFORE = 60
"""Seconds that this machine's clock may be behind the one that made the backup."""


class Restoration(NamedTuple):
    """What was restored, and what was ended by it."""

    manifest: Manifest
    moment: int
    """Seconds since 1970: tokens that were made until then are refused."""
    removed_keys: int
    """Keys for external account binding that are no longer valid."""


def restore(file: Path, passphrase: bytes, layout: Layout) -> Restoration:
    """Restore an archive into a state folder that is empty or not there, and fence it.

    Raises ArchiveError, ConfigError, OSError and what the databases raise; nothing is at the folder then. A
    process that is killed leaves nothing there either, and what it made beside is removed by the next one.
    """
    state = layout.state
    require_free(layout)
    state.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open_scratch(state.with_name(f".{state.name}.restore"), "newel restore") as scratch:
        manifest = _extract(file, passphrase, scratch)
        moment = _next_moment(manifest)
        removed = asyncio.run(_fence(Layout(scratch), manifest, moment))
        _record(Layout(scratch), manifest, moment)
        sync_tree(scratch)
        try:
            scratch.rename(state)
        except OSError as error:
            reason = f"cannot be put in place: {error.strerror}"
            raise OSError(error.errno, reason, str(state)) from None
        sync(state.parent)
    _wait_until_after(moment)
    return Restoration(manifest, moment, removed)


def require_free(layout: Layout) -> None:
    """Raise ConfigError for a folder with anything in it, above all for one that a running authority has."""
    if is_running(layout):
        raise ConfigError(
            f"{layout.state} is in use by a running authority; stop it, and move the folder away"
        )
    if layout.state.is_symlink() or (layout.state.exists() and not layout.state.is_dir()):
        raise ConfigError(f"{layout.state} is no folder; name another one by --state")
    if layout.state.exists() and any(layout.state.iterdir()):
        raise ConfigError(
            f"{layout.state} is not empty; move it away, or name another folder by --state"
        )
    if layout.state.is_mount():
        raise ConfigError(f"{layout.state} is a mount; restore into a folder below it")


def is_running(layout: Layout) -> bool:
    """Tell whether a process serves this state."""
    try:
        with layout.lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _extract(file: Path, passphrase: bytes, scratch: Path) -> Manifest:
    """Write every file of an archive below a folder."""

    def take(path: str, stream: IO[bytes], size: int) -> None:
        del size
        target = scratch / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, MODE)
        with os.fdopen(descriptor, "wb") as written:
            while piece := stream.read(_PIECE):
                written.write(piece)

    with file.open("rb") as opened:
        try:
            return read_archive(opened, passphrase, take)
        except ArchiveError as error:
            raise ArchiveError(f"{file}: {error}") from None


def _next_moment(manifest: Manifest) -> int:
    """Return the present second. Raises ConfigError when the clock is behind that of the backup.

    Numbers of revocation lists, and what tokens are compared with, come from the clock.
    """
    now = int(SystemClock().unix())
    if now < manifest.created_at - _BEFORE:
        raise ConfigError(
            f"this machine's clock is behind: the backup was made at {manifest.moment}; set the clock"
        )
    return max(now, manifest.created_at)


def _wait_until_after(moment: int) -> None:
    """Return when what is made from now on is younger than the fence, a second or so later."""
    asyncio.run(asyncio.sleep(max(0.0, moment + 1 - SystemClock().unix())))


async def _fence(layout: Layout, manifest: Manifest, moment: int) -> int:
    """Migrate the databases and end what could be used a second time; return how many keys were removed."""
    settings = read_settings(layout)
    if settings.uses_postgresql != manifest.postgresql:
        raise ConfigError(f"{layout.ca_json}: the databases are not where the manifest says")
    unknown = [service for service in manifest.databases if service not in REVISIONS]
    if unknown:
        raise ArchiveError(
            f"it has a database that this version does not know, {unknown[0]!r}; restore it with version"
            f" {manifest.version} of this program, or a later one"
        )
    if manifest.postgresql:
        await _require_unused(settings.database("registration"))
    databases: dict[str, Database] = {}
    try:
        for service in REVISIONS if manifest.postgresql else manifest.databases:
            url = settings.database(service)
            await migrate(
                url,
                f"newel.{service}",
                REVISIONS[service],
                may_create=False,
                tables=TABLES[service],
            )
            databases[service] = await open_database(url)
        return await _end_all(databases, moment)
    finally:
        for database in databases.values():
            await database.close()


async def _require_unused(url: str) -> None:
    """Raise ConfigError while an authority is connected: a drill beside it would end what is its own.

    The archive names the database, so that this is the authority's own one wherever it is restored.
    """
    database = await open_database(url)
    try:
        for _ in range(_TRIES):
            connected = (await database.fetch(_CONNECTED))[0][0]
            if not connected:
                return
            await asyncio.sleep(1)
    finally:
        await database.close()
    raise ConfigError(
        "a running authority is connected to the database that the archive's ca.json names; stop it, and restore"
        " the dump first"
    )


async def _end_all(databases: Mapping[str, Database], moment: int) -> int:
    if "dashboard" in databases:
        await dashboard.end_sessions(databases["dashboard"])
    if "validation" in databases:
        await validation.make_lists_due(databases["validation"])
    if "registration" not in databases:
        raise ConfigError("the archive has no database of the registration authority")
    return await registration.restored_database.fence(databases["registration"], moment)


def _record(layout: Layout, manifest: Manifest, moment: int) -> None:
    """Begin an audit trail with the restore, and where the trail was at the backup."""
    layout.audit.parent.mkdir(mode=0o700, exist_ok=True)
    sink = LineSink.open(layout.audit)
    AuditLog("standalone", SystemClock(), sink).record(
        "restore",
        "granted",
        backup_made_at=manifest.created_at,
        tokens_refused_until=moment,
        former_trail={"octets": manifest.audit.octets, "sha256": manifest.audit.sha256},
    )
    sink.close()
