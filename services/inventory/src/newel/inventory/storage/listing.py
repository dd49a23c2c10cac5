"""Reads pages of certificates and endpoints, and one of each."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from newel.inventory.catalogue import CertificateEntry, EndpointEntry
from newel.inventory.storage.names import split_names
from newel.runtime.database.contract import Database, Row, Statement
from newel.runtime.database.listing import ListQuery, Page
from newel.runtime.database.paging import (
    Clause,
    Rows,
    Where,
    compare,
    escape_like,
    match_substring,
    read_page,
)
from newel.runtime.database.times import read_optional_time, read_time, to_seconds
from newel.runtime.errors import ErrorType, NewelError

_CERTIFICATE = """SELECT position, serial, issuer, endpoint, common_name, names, provisioner,
    provisioner_type, proof, not_before, not_after, issued_at, renewed_from, fingerprint,
    revoked_at, reason, revoked_actively, type, key_digest FROM certificates """
_ENDPOINT = """SELECT position, id, common_name, names, provisioner, provisioner_type, opened_at,
    last_serial, last_not_after, warned, type FROM endpoints """

_KEYLESS = Statement("SELECT 1 FROM certificates WHERE key_digest IS NULL LIMIT 1")
_BY_SERIAL = Statement(_CERTIFICATE + "WHERE serial = $1")
_BY_ID = Statement(_ENDPOINT + "WHERE id = $1")
_LINEAGE = Statement(
    _CERTIFICATE + "WHERE endpoint = $1 ORDER BY not_after DESC, position DESC LIMIT $2"
)


def _spell(text: str) -> list[str]:
    """Return what a name may be written as: with the kind it was given with, or with any."""
    kinds = ("dns", "ip", "email", "uri", "principal")
    return [text] if text.partition(":")[0] in kinds else [f"{kind}:{text}" for kind in kinds]


def _name(where: Where, text: Any) -> None:
    whole = _spell(text)
    likes = " OR ".join([r"lower(names) LIKE {} ESCAPE '\'"] * len(whole))
    where.add(f"({likes})", *(f"%\n{escape_like(each)}\n%" for each in whole))


def _certificate_name(where: Where, text: Any) -> None:
    """Find by the index, which has names by their first characters, and compare the whole name."""
    asked = ", ".join(["substr(lower({}), 1, 512)"] * len(wholes := _spell(text)))
    where.add(
        f"serial IN (SELECT serial FROM certificate_names WHERE name IN ({asked}))",  # noqa: S608 - placeholders
        *wholes,
    )
    _name(where, text)


def _certificate_state(where: Where, state: Any) -> None:
    if state == "revoked":
        where.add("revoked_at IS NOT NULL")
    else:
        past = "<" if state == "expired" else ">="
        where.add(f"revoked_at IS NULL AND not_after {past} {{}}", where.now)


def _endpoint_state(where: Where, state: Any) -> None:
    if state == "expiring":
        where.add("warned IS NOT NULL AND last_not_after >= {}", where.now)
    else:
        past = "<" if state == "ended" else ">="
        where.add(f"last_not_after {past} {{}}", where.now)


_SHARED: Mapping[str, Clause] = {
    "type": compare("type = {}"),
    "provisioner": compare("provisioner = {}"),
    "provisioner_type": compare("provisioner_type = {}"),
    "subject": compare("common_name = {}"),
    "name": _name,
    "search": match_substring("common_name", "names"),
}
_CERTIFICATE_CLAUSES: Mapping[str, Clause] = {
    **_SHARED,
    "name": _certificate_name,
    "state": _certificate_state,
    "serial": compare("serial = {}"),
    "fingerprint": compare("fingerprint = {}"),
    "key": compare("key_digest = {}"),
    "endpoint": compare("endpoint = {}"),
    "issuer": compare("issuer = {}"),
    "issued_after": compare("issued_at >= {}"),
    "issued_before": compare("issued_at < {}"),
    "expires_after": compare("not_after >= {}"),
    "expires_before": compare("not_after < {}"),
}
_ENDPOINT_CLAUSES: Mapping[str, Clause] = {
    **_SHARED,
    "state": _endpoint_state,
    "expires_after": compare("last_not_after >= {}"),
    "expires_before": compare("last_not_after < {}"),
}


def _narrows(query: ListQuery, name: str) -> bool:
    by_expiry = name.startswith("expires_") or (
        name == "state" and query.filters[name] in {"active", "ended"}
    )
    return name in {"serial", "fingerprint", "endpoint", "key"} or (
        query.sort == "expires" and by_expiry
    )


def _narrow_certificates(query: ListQuery, name: str) -> bool:
    return name in {"name", "subject"} or _narrows(query, name)


_CERTIFICATES = Rows(
    _CERTIFICATE,
    "certificates",
    _CERTIFICATE_CLAUSES,
    {"issued": "position", "expires": "not_after"},
    {"position": 0, "not_after": 10},
    _narrow_certificates,
)
_ENDPOINTS = Rows(
    _ENDPOINT,
    "endpoints",
    _ENDPOINT_CLAUSES,
    {"issued": "position", "expires": "last_not_after"},
    {"position": 0, "last_not_after": 8},
    _narrows,
)


class ListingStorage:
    """The tables of ``migrations`` as administrators read them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def certificates(self, query: ListQuery, now: dt.datetime) -> Page[CertificateEntry]:
        """Read one page of certificates.

        Raises ``unavailable`` for those on a key while not every key was read.
        """
        if "key" in query.filters:
            await self.require_keys()
        rows, mark = await read_page(self._database, _CERTIFICATES, query, to_seconds(now))
        return Page([_certificate(row) for row in rows], mark)

    async def require_keys(self) -> None:
        """Raise ``unavailable`` while certificates are catalogued whose keys were not read."""
        if await self._database.fetch(_KEYLESS):
            raise NewelError(
                ErrorType.UNAVAILABLE,
                "The keys of earlier certificates are still being read. Try again in some minutes.",
            )

    async def endpoints(self, query: ListQuery, now: dt.datetime) -> Page[EndpointEntry]:
        """Read one page of endpoints."""
        rows, mark = await read_page(self._database, _ENDPOINTS, query, to_seconds(now))
        return Page([_endpoint(row) for row in rows], mark)

    async def certificate(self, serial: bytes) -> CertificateEntry | None:
        """Read one certificate; None without it."""
        rows = await self._database.fetch(_BY_SERIAL, serial)
        return _certificate(rows[0]) if rows else None

    async def endpoint(self, endpoint_id: str) -> EndpointEntry | None:
        """Read one endpoint; None without it."""
        rows = await self._database.fetch(_BY_ID, endpoint_id)
        return _endpoint(rows[0]) if rows else None

    async def lineage(self, endpoint_id: str, limit: int) -> list[CertificateEntry]:
        """Read an endpoint's certificates, the one that expires last first."""
        rows = await self._database.fetch(_LINEAGE, endpoint_id, limit)
        return [_certificate(row) for row in rows]


def _certificate(row: Row) -> CertificateEntry:
    return CertificateEntry(
        serial=row[1],
        issuer=row[2],
        endpoint=row[3],
        common_name=row[4],
        names=split_names(row[5]),
        provisioner=row[6],
        provisioner_type=row[7],
        proof=row[8],
        not_before=read_time(row[9]),
        not_after=read_time(row[10]),
        issued_at=read_time(row[11]),
        renewed_from=row[12],
        fingerprint=row[13],
        revoked_at=read_optional_time(row[14]),
        reason=row[15],
        revoked_actively=None if row[16] is None else bool(row[16]),
        type=row[17],
        key_digest=row[18],
    )


def _endpoint(row: Row) -> EndpointEntry:
    return EndpointEntry(
        id=row[1],
        common_name=row[2],
        names=split_names(row[3]),
        provisioner=row[4],
        provisioner_type=row[5],
        opened_at=read_time(row[6]),
        last_serial=row[7],
        last_not_after=read_time(row[8]) if row[8] else None,
        is_warned=row[9] is not None,
        type=row[10],
    )
