"""The facts: each part by itself, so that one that cannot be read hides no other."""

import datetime as dt
import json
from collections.abc import Awaitable, Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from newel.crypto import certificate_files, loading
from newel.crypto.authority_chain import name_of
from newel.issuing import app as issuing
from newel.runtime.database.connect import open_database, sqlite_path
from newel.runtime.database.contract import Database, Statement
from newel.runtime.database.migrations import sqlite_revision
from newel.runtime.errors import NewelError
from newel.runtime.events.backlog import read_backlog
from newel.standalone.app import EVENTS, REVISIONS
from newel.standalone.backup.restoration import is_running
from newel.standalone.command import describe_fault
from newel.standalone.doctor.diagnoses import Level
from newel.standalone.doctor.serving import check_serving
from newel.standalone.later_start import authority_name
from newel.standalone.settings import Settings
from newel.validation import app as validation

Facts = dict[str, Any]
_CONSUMERS = Statement("SELECT consumer FROM outbox_cursors ORDER BY consumer")


async def collect(settings: Settings, now: dt.datetime) -> Facts:
    """Collect everything. A part that cannot be read is ``{"unavailable": why}``."""
    found: Facts = {
        "authority": authority_name(settings),
        "version": version("newel-standalone"),
        "state": str(settings.layout.state),
        "serving": describe_serving(settings, now),
        "authorities": list(list_authorities(settings)),
        "lastBackup": read_last_backup(settings),
    }
    seconds = int(now.timestamp())
    found["databases"] = await read_each(settings, REVISIONS, read_revision(settings))
    found["certificates"] = await read_one(
        settings, "issuing", lambda database: issuing.count_certificates(database, seconds)
    )
    found["lists"] = await read_one(settings, "validation", list_lists)
    found["waitingEvents"] = await read_each(settings, EVENTS, count_waiting)
    return found


def describe_serving(settings: Settings, now: dt.datetime) -> Facts:
    """Describe whether a process has the state, where it listens and whether it is ready."""
    running = is_running(settings.layout)
    facts: Facts = {"running": running, "https": settings.ca.address, "http": settings.http_address}
    if running:
        faults = [each.text for each in check_serving(settings, now) if each.level is not Level.OK]
        facts |= {"ready": not faults, "faults": faults}
    return facts


def list_authorities(settings: Settings) -> Iterator[Facts]:
    """Yield roots and issuers with the ends of their certificates."""
    files = [("root", file) for file in settings.ca.roots]
    files += [("issuer", settings.ca.crt)]
    files += [("former issuer", file) for _, file, _ in settings.former_issuers]
    for kind, file in files:
        for place, der in enumerate(certificate_files.read_certificates(Path(file))):
            certificate = loading.load_certificate(der)
            yield {
                "kind": kind if place == 0 or kind == "root" else "intermediate",
                "name": name_of(certificate),
                "notAfter": format_time(certificate.not_valid_after_utc.timestamp()),
            }


def read_last_backup(settings: Settings) -> str | Facts | None:
    """Read when 'newel backup' last ended well; None for never, as far as this state knows."""
    file = settings.layout.state / "db/last-backup.json"
    try:
        return format_time(json.loads(file.read_bytes())["created_at"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is damaged"
        return {"unavailable": f"{file}: {cause}"}


def format_time(seconds: float) -> str:
    """Format a time as RFC 3339, to the second."""
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def read_revision(settings: Settings) -> Callable[[Database, str], Awaitable[str]]:
    """Return what reads the revision of a database, as far as this engine tells it."""

    async def read(_database: Database, service: str) -> str:
        path = sqlite_path(settings.database(service))
        return "PostgreSQL" if path is None else sqlite_revision(path) or ""

    return read


async def list_lists(database: Database) -> list[Facts]:
    """List the latest revocation list of each scope."""
    return [
        {"scope": scope, "number": number, "nextUpdate": format_time(end)}
        for scope, number, end in await validation.list_revocation_lists(database)
    ]


async def count_waiting(database: Database, _service: str) -> dict[str, int]:
    """Count what waits for each consumer of a service's events."""
    consumers = [str(row[0]) for row in await database.fetch(_CONSUMERS)]
    return {each: (await read_backlog(database, each))[0] for each in consumers}


async def read_each(
    settings: Settings, services: Any, read: Callable[[Database, str], Awaitable[Any]]
) -> Facts:
    """Read something of the databases of several services."""
    return {
        service: await read_one(settings, service, lambda database, s=service: read(database, s))
        for service in services
    }


async def read_one(
    settings: Settings, service: str, read: Callable[[Database], Awaitable[Any]]
) -> Any:
    """Read something of one service's database, or say why it cannot be read. Nothing is created."""
    url = settings.database(service)
    path = sqlite_path(url)
    if path is not None and not path.exists():
        return {"unavailable": f"{path}: there is no such database"}
    try:
        database = await open_database(url)
        try:
            return await read(database)
        finally:
            await database.close()
    except Exception as error:
        cause = describe_fault(error)
        if not cause:
            raise
        return {"unavailable": error.cause if isinstance(error, NewelError) else cause}
