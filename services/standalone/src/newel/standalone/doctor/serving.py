"""Checks of what runs and of the machine around it: readiness, the published list, names, the clock."""

import ctypes
import datetime as dt
import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import asyncpg
from cryptography import x509

from newel.crypto import certificate_files, loading
from newel.crypto.certificate import issuer_id
from newel.runtime.database.connect import UnusableDatabaseError, open_database
from newel.runtime.database.contract import Statement
from newel.runtime.errors import NewelError
from newel.runtime.http.addresses import parse_address
from newel.runtime.system_errors import describe
from newel.standalone.doctor.diagnoses import Diagnosis, Level
from newel.standalone.layout import Layout
from newel.standalone.settings import Settings

SECONDS = 5.0
LONGEST_ANSWER = 64 << 20
"""Octets: a complete list of a million revocations is shorter."""
_SELECT = Statement("SELECT 1")
_TIMEX_SIZE = 512
"""Octets: more than any system's ``struct timex``; zeros ask for the state and change nothing."""
_TIME_ERROR = 5


class NoAnswerError(Exception):
    """Nothing answers at an address, or not in HTTP."""


def check_serving(settings: Settings, now: dt.datetime) -> Iterator[Diagnosis]:
    """Ask the running authority whether it is ready, and look at the list that it publishes."""
    address = settings.http_address
    if not address:
        yield Diagnosis(
            Level.NOTE,
            "serving",
            "ca.json has no insecureAddress, where readiness and lists are asked",
        )
        return
    try:
        status, found = _ask_ready(address)
    except NoAnswerError as error:
        advice = f"newel up --state {settings.layout.state}"
        yield Diagnosis(
            Level.NOTE, "serving", f"nothing serves at http://{address}: {error}", advice
        )
        return
    if status != 200:
        missing: dict[str, str] = found.get("missing", {}) or {"process": f"status {status}"}
        for part, cause in missing.items():
            yield Diagnosis(
                Level.PROBLEM, "serving", f"{part} is not ready: {cause}", "mend what it names"
            )
    else:
        yield Diagnosis(Level.OK, "serving", f"http://{address} is ready")
    for peer, cause in found.get("unreachable", {}).items():
        yield Diagnosis(
            Level.WARNING,
            "serving",
            f"{peer} is not reached: {cause}",
            "start it, or look at its log",
        )
    yield check_list(settings, now)


def check_list(settings: Settings, now: dt.datetime) -> Diagnosis:
    """Check that the revocation list is published and not too old."""
    issuer = certificate_files.read_certificates(Path(settings.ca.crt))[0]
    path = f"/crl/{issuer_id(issuer)}.crl"
    try:
        crl = _read_list(settings.http_address, path)
    except (NoAnswerError, ValueError) as error:
        return Diagnosis(
            Level.PROBLEM, "revocation", f"{path} is not served: {error}", "look at the log"
        )
    end = crl.next_update_utc
    if end is None or end <= now:
        text = f"the list of {crl.last_update_utc:%Y-%m-%d %H:%M} UTC is out of date"
        return Diagnosis(
            Level.PROBLEM, "revocation", text, "is the signer's key there? docs/runbooks has a page"
        )
    return Diagnosis(
        Level.OK, "revocation", f"the next list is due before {end:%Y-%m-%d %H:%M} UTC"
    )


def check_names(settings: Settings) -> Iterator[Diagnosis]:
    """Check that this machine finds the names by which clients know the authority."""
    for name in settings.dns_names:
        try:
            socket.getaddrinfo(name, parse_address(settings.ca.address).port)
        except OSError as error:
            text = f"{name} is not found from here: {error.strerror or error}"
            yield Diagnosis(
                Level.WARNING,
                "names",
                text,
                "make a DNS record, or take it out of dnsNames in ca.json",
            )
        else:
            yield Diagnosis(Level.OK, "names", name)


def check_clock(layout: Layout, now: dt.datetime) -> Diagnosis:
    """Check that the clock is kept by a time service, and is not behind what was written before."""
    newest = layout.audit.stat().st_mtime if layout.audit.exists() else 0.0
    if newest > now.timestamp() + 60:
        written = dt.datetime.fromtimestamp(newest, dt.UTC)
        text = f"it is behind {written:%Y-%m-%d %H:%M} UTC, when the audit trail was last written"
        return Diagnosis(
            Level.PROBLEM, "clock", text, "set it: certificates would begin in the past"
        )
    is_kept = _is_kept()
    if is_kept is None:
        return Diagnosis(Level.NOTE, "clock", "this system does not tell whether it is kept right")
    if not is_kept:
        advice = "run chrony or systemd-timesyncd; certificates say when they begin and end"
        return Diagnosis(
            Level.WARNING, "clock", "no time service keeps it, as far as the kernel knows", advice
        )
    return Diagnosis(Level.OK, "clock", f"{now:%Y-%m-%d %H:%M:%S} UTC")


async def check_postgresql(settings: Settings) -> Diagnosis:
    """Check that the database server answers."""
    try:
        database = await open_database(settings.database("issuing"))
        try:
            await database.fetch(_SELECT)
        finally:
            await database.close()
    except (NewelError, UnusableDatabaseError, OSError, asyncpg.PostgresError) as error:
        cause = error.cause if isinstance(error, NewelError) else str(error)
        return Diagnosis(
            Level.PROBLEM, "databases", cause, "is the server running, and db.dataSource right?"
        )
    return Diagnosis(Level.OK, "databases", "PostgreSQL answers")


def _ask_ready(address: str) -> tuple[int, dict[str, Any]]:
    """Ask for the status of readiness and its parts. Raises NoAnswerError, also for another program."""
    status, body = _get(address, "/readyz")
    try:
        found: Any = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise NoAnswerError(f"another program answers there, with status {status}")
    return status, cast("dict[str, Any]", found)


def _read_list(address: str, path: str) -> x509.CertificateRevocationList:
    """Fetch a revocation list. Raises NoAnswerError, and ValueError for what is none."""
    status, body = _get(address, path)
    if status != http.client.OK:
        raise NoAnswerError(f"status {status}")
    return loading.load_list(body)


def _get(address: str, path: str) -> tuple[int, bytes]:
    """Ask this machine's own address, whatever it listens on. Raises NoAnswerError."""
    host, port = parse_address(address)
    own = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not to listen
    connection = http.client.HTTPConnection(own, port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(LONGEST_ANSWER)
    except OSError as error:
        raise NoAnswerError(describe(error)) from None
    except http.client.HTTPException as error:
        raise NoAnswerError(f"it does not speak HTTP: {type(error).__name__}") from None
    finally:
        connection.close()


def _is_kept() -> bool | None:
    """Tell whether the kernel's clock is synchronised (``ntp_adjtime``); None where it cannot be asked."""
    try:
        ask = ctypes.CDLL(None).ntp_adjtime
    except (OSError, AttributeError):
        return None
    state = ask(ctypes.create_string_buffer(_TIMEX_SIZE))
    return None if state < 0 else state != _TIME_ERROR
