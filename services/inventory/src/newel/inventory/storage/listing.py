"""The reading side: pages of certificates and endpoints, one of each, and counts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from newel.inventory.administrators import CataloguedPeer
from newel.inventory.catalogue import CertificateEntry, EndpointEntry, Page
from newel.inventory.listing import ListQuery, Mark
from newel.inventory.storage.names import names_of
from newel.runtime.database import Database, Row, Statement

# A page looks at no more rows than this, whatever its filters leave of them.
_STRETCH = 10_000

_CERTIFICATE = """SELECT position, serial, issuer, endpoint, common_name, names, provisioner,
    provisioner_type, proof, not_before, not_after, issued_at, renewed_from, fingerprint,
    revoked_at, reason, revoked_actively FROM certificates """
_ENDPOINT = """SELECT position, id, common_name, names, provisioner, provisioner_type, opened_at,
    last_serial, last_not_after, warned FROM endpoints """

_BY_SERIAL = Statement(_CERTIFICATE + "WHERE serial = $1")
_BY_ID = Statement(_ENDPOINT + "WHERE id = $1")
_LINEAGE = Statement(
    _CERTIFICATE + "WHERE endpoint = $1 ORDER BY not_after DESC, position DESC LIMIT $2"
)


@dataclass(slots=True)
class _Where:
    """A WHERE clause under construction: constant texts, values as numbered parameters."""

    now: int
    clauses: list[str] = field(default_factory=list[str])
    params: list[Any] = field(default_factory=list[Any])

    def add(self, clause: str, *values: Any) -> None:
        """``clause`` with ``{}`` for each value."""
        numbers: list[str] = []
        for value in values:
            self.params.append(value)
            numbers.append(f"${len(self.params)}")
        self.clauses.append(clause.format(*numbers))

    def __str__(self) -> str:
        return "WHERE " + " AND ".join(self.clauses) if self.clauses else ""


def _escaped(text: str) -> str:
    """For use inside a LIKE pattern: what the caller typed and nothing else."""
    return text.lower().replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def _search(where: _Where, text: Any) -> None:
    pattern = f"%{_escaped(text)}%"
    where.add(
        r"(lower(common_name) LIKE {} ESCAPE '\' OR lower(names) LIKE {} ESCAPE '\')",
        pattern,
        pattern,
    )


def _name(where: _Where, text: Any) -> None:
    kinds = ("dns", "ip", "email", "uri")
    whole = [text] if text.partition(":")[0] in kinds else [f"{kind}:{text}" for kind in kinds]
    likes = " OR ".join([r"lower(names) LIKE {} ESCAPE '\'"] * len(whole))
    where.add(f"({likes})", *(f"%\n{_escaped(each)}\n%" for each in whole))


def _certificate_state(where: _Where, state: Any) -> None:
    if state == "revoked":
        where.add("revoked_at IS NOT NULL")
    else:
        past = "<" if state == "expired" else ">="
        where.add(f"revoked_at IS NULL AND not_after {past} {{}}", where.now)


def _endpoint_state(where: _Where, state: Any) -> None:
    if state == "expiring":
        where.add("warned IS NOT NULL AND last_not_after >= {}", where.now)
    else:
        past = "<" if state == "ended" else ">="
        where.add(f"last_not_after {past} {{}}", where.now)


def _plain(clause: str) -> Callable[[_Where, Any], None]:
    return lambda where, value: where.add(clause, value)


Filter = Callable[[_Where, Any], None]
_SHARED: Mapping[str, Filter] = {
    "provisioner": _plain("provisioner = {}"),
    "provisioner_type": _plain("provisioner_type = {}"),
    "subject": _plain("common_name = {}"),
    "name": _name,
    "search": _search,
}
_CERTIFICATE_CLAUSES: Mapping[str, Filter] = {
    **_SHARED,
    "state": _certificate_state,
    "serial": _plain("serial = {}"),
    "endpoint": _plain("endpoint = {}"),
    "issuer": _plain("issuer = {}"),
    "issued_after": _plain("issued_at >= {}"),
    "issued_before": _plain("issued_at < {}"),
    "expires_after": _plain("not_after >= {}"),
    "expires_before": _plain("not_after < {}"),
}
_ENDPOINT_CLAUSES: Mapping[str, Filter] = {
    **_SHARED,
    "state": _endpoint_state,
    "expires_after": _plain("last_not_after >= {}"),
    "expires_before": _plain("last_not_after < {}"),
}


@dataclass(frozen=True, slots=True)
class _List:
    """One list: its rows, its filters, and the column behind each sort order."""

    select: str
    table: str
    clauses: Mapping[str, Filter]
    sorts: Mapping[str, str]
    columns: Mapping[str, int]  # where the sort columns stand in a row

    def narrows(self, query: ListQuery, name: str) -> bool:
        """Whether an index answers this filter, so that it may shorten the way to the stretch."""
        by_expiry = name.startswith("expires_") or query.filters[name] in {"active", "ended"}
        return name in {"serial", "endpoint"} or (query.sort == "expires" and by_expiry)


_CERTIFICATES = _List(
    _CERTIFICATE,
    "certificates",
    _CERTIFICATE_CLAUSES,
    {"issued": "position", "expires": "not_after"},
    {"position": 0, "not_after": 10},
)
_ENDPOINTS = _List(
    _ENDPOINT,
    "endpoints",
    _ENDPOINT_CLAUSES,
    {"issued": "position", "expires": "last_not_after"},
    {"position": 0, "last_not_after": 8},
)


class ListingStorage:
    """The tables of ``schema.py`` as the HTTP side and the administrator check read them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def certificates(self, query: ListQuery, now: int) -> Page[CertificateEntry]:
        """One page of certificates."""
        rows, mark = await self._page(_CERTIFICATES, query, now)
        return Page([_certificate(row) for row in rows], mark)

    async def endpoints(self, query: ListQuery, now: int) -> Page[EndpointEntry]:
        """One page of endpoints."""
        rows, mark = await self._page(_ENDPOINTS, query, now)
        return Page([_endpoint(row) for row in rows], mark)

    async def certificate(self, serial: bytes) -> CertificateEntry | None:
        """One certificate."""
        rows = await self._database.fetch(_BY_SERIAL, serial)
        return _certificate(rows[0]) if rows else None

    async def endpoint(self, endpoint_id: str) -> EndpointEntry | None:
        """One endpoint."""
        rows = await self._database.fetch(_BY_ID, endpoint_id)
        return _endpoint(rows[0]) if rows else None

    async def lineage(self, endpoint_id: str, limit: int) -> list[CertificateEntry]:
        """An endpoint's certificates, the one that ends last first."""
        rows = await self._database.fetch(_LINEAGE, endpoint_id, limit)
        return [_certificate(row) for row in rows]

    async def peer(self, serial: bytes) -> CataloguedPeer | None:
        """The certificate with this serial, for the administrator check."""
        entry = await self.certificate(serial)
        return entry and CataloguedPeer(
            serial=entry.serial,
            common_name=entry.common_name,
            names=entry.names,
            provisioner=entry.provisioner,
            not_before=entry.not_before,
            not_after=entry.not_after,
            revoked=entry.revoked_at is not None,
            fingerprint=entry.fingerprint,
        )

    async def _page(self, rows: _List, query: ListQuery, now: int) -> tuple[list[Row], Mark | None]:
        """Rows of one page and where the next begins.

        1. Where the stretch this page may look at ends.
        2. The matching rows of the stretch, up to the limit.
        3. The next page begins after the last row given or, when they are fewer, after the stretch.
        """
        column = rows.sorts[query.sort]
        order = " DESC" if query.descending else ""
        ordered = f"ORDER BY {column}{order}, position{order} LIMIT "
        past, until = ("<", ">=") if query.descending else (">", "<=")
        key = f"({column}, position)"
        where = _Where(now)
        if query.after is not None:
            where.add(f"{key} {past} ({{}}, {{}})", query.after.value, query.after.position)
        early = [name for name in query.filters if rows.narrows(query, name)]
        for name in early:
            rows.clauses[name](where, query.filters[name])
        text = f"SELECT {column}, position FROM {rows.table} {where} {ordered} 1 OFFSET {_STRETCH}"  # noqa: S608 - made of this module's constants
        bound = await self._database.fetch(Statement(text), *where.params)  # 1
        if bound:
            where.add(f"{key} {until} ({{}}, {{}})", *bound[0])
        for name in query.filters.keys() - set(early):
            rows.clauses[name](where, query.filters[name])
        text = f"{rows.select} {where} {ordered} ${len(where.params) + 1}"
        found = await self._database.fetch(Statement(text), *where.params, query.limit)  # 2
        if len(found) == query.limit:  # 3
            last = found[-1]
            return found, Mark(last[rows.columns[column]], last[0])
        return found, Mark(*bound[0]) if bound else None


def _certificate(row: Row) -> CertificateEntry:
    return CertificateEntry(
        serial=row[1],
        issuer=row[2],
        endpoint=row[3],
        common_name=row[4],
        names=names_of(row[5]),
        provisioner=row[6],
        provisioner_type=row[7],
        proof=row[8],
        not_before=row[9],
        not_after=row[10],
        issued_at=row[11],
        renewed_from=row[12],
        fingerprint=row[13],
        revoked_at=row[14],
        reason=row[15],
        revoked_actively=None if row[16] is None else bool(row[16]),
    )


def _endpoint(row: Row) -> EndpointEntry:
    return EndpointEntry(
        id=row[1],
        common_name=row[2],
        names=names_of(row[3]),
        provisioner=row[4],
        provisioner_type=row[5],
        opened_at=row[6],
        last_serial=row[7],
        last_not_after=row[8] or 0,
        warned=row[9] is not None,
    )
