"""The pages of a session: lists, one of each thing, and what is downloaded."""

import asyncio
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from newel.dashboard.decoding import decode_chain, describe
from newel.dashboard.interfaces import Interfaces
from newel.dashboard.overview import read_overview
from newel.dashboard.place import Place
from newel.dashboard.rendering import Renderer, read_time
from newel.dashboard.sessions import Sessions
from newel.dashboard.status import Status, ask_crl, ask_ocsp
from newel.dashboard.visits import Visit, enter, read_segment
from newel.runtime.asgi import Receive, Scope, Send
from newel.runtime.errors import ErrorType, NewelError

X509 = "x509"
"""The type of the certificates that have a chain, OCSP and a CRL; the others are of SSH."""

_PAGE = "50"
_MAX_PROVISIONERS = 1000
LISTS = {
    "certificates": "/inventory/certificates",
    "endpoints": "/inventory/endpoints",
    "alerts": "/alerts",
    "silences": "/alerts/silences",
}
"""The lists, each with the interface that it shows."""
_OF_ALERTING = ("alerts", "silences")


@dataclass(frozen=True, slots=True)
class Pages:
    """The routes that show."""

    sessions: Sessions
    interfaces: Interfaces
    validation: Interfaces
    renderer: Renderer
    place: Place

    async def enter(self, request: Request) -> Visit:
        """Return whose request it is. Raises `LoginRequiredError`."""
        return await enter(request, self.sessions, self.interfaces)

    async def show_overview(self, request: Request) -> Response:
        """Show the first page."""
        visit = await self.enter(request)
        found = await read_overview(self.interfaces, self.validation, visit.caller)
        host = self.place.find_host(request)
        return self.renderer.page("overview.html", visit=visit, host=host, **found)

    async def show_list(self, name: str, request: Request) -> Response:
        """Show a page of certificates, endpoints, alerts or silences; the interface checks the filters."""
        visit = await self.enter(request)
        filters = {key: text for key, text in request.query_params.items() if text}
        params = {"limit": _PAGE, **filters}
        page: dict[str, Any] = {name: [], "next": None}
        error = None
        try:
            page = await self.interfaces.read(visit.caller, LISTS[name], params)
        except NewelError as refused:
            if refused.type is not ErrorType.MALFORMED:
                raise
            error = refused
        names: list[str] = []
        if name not in _OF_ALERTING:
            names = [str(each["name"]) for each in await self._read_provisioners(visit)]
        following = {**filters, "cursor": page["next"]} if page["next"] else None
        return self.renderer.page(
            f"{name}.html",
            400 if error else 200,
            visit=visit,
            entries=page[name],
            filters=filters,
            following=following,
            error=error,
            provisioners=names,
        )

    async def show_certificate(self, request: Request) -> Response:
        """Show one certificate with its lineage and status."""
        visit = await self.enter(request)
        entry = await self.interfaces.read(
            visit.caller, f"/inventory/certificates/{read_segment(request, 'serial')}"
        )
        endpoint, decoded = await asyncio.gather(
            self.interfaces.read(visit.caller, f"/inventory/endpoints/{quote(entry['endpoint'])}"),
            self._decode(visit, entry),
        )
        return self.renderer.page(
            "certificate.html", visit=visit, entry=entry, endpoint=endpoint, **decoded
        )

    async def _decode(self, visit: Visit, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Return the decoded chain and what relying parties are told, or why they cannot be shown.

        An SSH certificate has neither.
        """
        if entry["type"] != X509:
            return {"chain": [], "ocsp": None, "crl": None}
        try:
            path = f"/inventory/certificates/{entry['serial']}/chain"
            chain = decode_chain(await self.interfaces.fetch(visit.caller, path))
        except (NewelError, ValueError) as error:
            away = Status("no answer", f"the certificate could not be read: {error}")
            return {"chain": [], "ocsp": away, "crl": away}
        leaf, issuer = chain[0], chain[1] if len(chain) > 1 else chain[0]
        by_ocsp, by_crl = await asyncio.gather(
            ask_ocsp(self.validation, visit.caller, leaf, issuer),
            ask_crl(self.validation, visit.caller, leaf),
        )
        return {"chain": [describe(each) for each in chain], "ocsp": by_ocsp, "crl": by_crl}

    async def show_endpoint(self, request: Request) -> Response:
        """Show one endpoint with its certificates."""
        visit = await self.enter(request)
        path = f"/inventory/endpoints/{read_segment(request, 'id')}"
        entry = await self.interfaces.read(visit.caller, path)
        return self.renderer.page("endpoint.html", visit=visit, entry=entry)

    async def show_metering(self, request: Request) -> Response:
        """Show a month's usage, with the months before and after it; the interface checks the month."""
        visit = await self.enter(request)
        month = request.query_params.get("month")
        path, params = "/inventory/metering", {"month": month} if month else {}
        report = await self.interfaces.read(visit.caller, path, params)
        before = read_time(report["start"]) - dt.timedelta(days=1)
        return self.renderer.page(
            "metering.html",
            visit=visit,
            report=report,
            before=f"{before:%Y-%m}",
            after=report["end"][:7] if report["is_complete"] else None,
        )

    async def show_provisioners(self, request: Request) -> Response:
        """Show the provisioners, which every client of the authority may list."""
        visit = await self.enter(request)
        entries = await self._read_provisioners(visit)
        return self.renderer.page("provisioners.html", visit=visit, entries=entries)

    async def _read_provisioners(self, visit: Visit) -> list[dict[str, Any]]:
        """Return every provisioner, page by page."""
        found: list[dict[str, Any]] = []
        params = {"limit": "100"}
        while len(found) < _MAX_PROVISIONERS:
            page = await self.interfaces.read(visit.caller, "/provisioners", params)
            found += page.get("provisioners") or []
            following = str(page.get("nextCursor") or "")
            if not following:
                break
            params = {"limit": "100", "cursor": following}
        return found


class Download:
    """A file of an interface, handed on as it comes: the CSV of a search, a certificate's chain."""

    def __init__(self, pages: Pages, path: str, **fixed: str) -> None:
        self._pages = pages
        self._path = path
        self._fixed = fixed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request."""
        request = Request(scope, receive)
        visit = await self._pages.enter(request)
        path = self._path.format_map(
            {name: read_segment(request, name) for name in request.path_params}
        )
        ignored = {"cursor", "limit"}
        query: Mapping[str, str] = {
            name: text
            for name, text in request.query_params.items()
            if text and name not in ignored
        } | self._fixed
        await self._pages.interfaces.forward(visit.caller, path, urlencode(query), send)
