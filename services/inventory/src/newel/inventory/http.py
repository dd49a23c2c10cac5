"""The lists over HTTPS, for administrators. Imported on the first request: FastAPI is slow to load."""

import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol, cast

import msgspec
from fastapi import Depends, FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from newel.inventory.administrators import Peers, verify_administrator
from newel.inventory.catalogue import CertificateEntry, EndpointEntry, Page
from newel.inventory.certificate import plain_serial
from newel.inventory.config import Administrator
from newel.inventory.documents import certificate_document, csv_lines, endpoint_document
from newel.inventory.listing import (
    CERTIFICATE_FILTERS,
    CERTIFICATE_STATES,
    ENDPOINT_FILTERS,
    ENDPOINT_STATES,
    MAX_LIMIT,
    ListQuery,
    Mark,
    read_query,
    write_cursor,
)
from newel.inventory.lookup import MetadataKey, MetadataStore
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.serving import ROUTE

_LINEAGE_LIMIT = 1000
_MAX_BODY = 16 * 1024
_MAX_KEY = 1024


class Listing(Peers, Protocol):
    """The reading side of the catalogue."""

    async def certificates(self, query: ListQuery, now: int) -> Page[CertificateEntry]:
        """One page of certificates."""
        ...

    async def endpoints(self, query: ListQuery, now: int) -> Page[EndpointEntry]:
        """One page of endpoints."""
        ...

    async def certificate(self, serial: bytes) -> CertificateEntry | None:
        """One certificate."""
        ...

    async def endpoint(self, endpoint_id: str) -> EndpointEntry | None:
        """One endpoint."""
        ...

    async def lineage(self, endpoint_id: str, limit: int) -> list[CertificateEntry]:
        """An endpoint's certificates, the one that ends last first."""
        ...


class MetadataEditor(MetadataStore, Protocol):
    """Metadata that can be changed."""

    async def write(self, key: MetadataKey, entries: dict[str, str], at: int) -> None:
        """Puts an entry in the place of whatever was there."""
        ...

    async def remove(self, key: MetadataKey) -> bool:
        """Takes an entry away; whether there was one."""
        ...


@dataclass(frozen=True, slots=True)
class Inventory:
    """What the routes work with."""

    listing: Listing
    metadata: MetadataEditor
    administrators: tuple[Administrator, ...]
    clock: Clock
    audit: Audit


def build_app(inventory: Inventory) -> FastAPI:
    """The ASGI app for everything under ``/inventory``.

    Every refusal is an RFC 9457 problem document; every answer and every refusal is audited.
    """
    app = FastAPI(openapi_url=None, dependencies=[Depends(_Gate(inventory))])
    lists, metadata = _Lists(inventory), _Metadata(inventory)
    for method, path, handler in (
        ("GET", "/inventory/certificates", lists.certificates),
        ("GET", "/inventory/certificates/export", lists.export),
        ("GET", "/inventory/certificates/{serial}", lists.certificate),
        ("GET", "/inventory/endpoints", lists.endpoints),
        ("GET", "/inventory/endpoints/{endpoint}", lists.endpoint),
        ("GET", "/inventory/metadata/{kind}/{key:path}", metadata.show),
        ("PUT", "/inventory/metadata/{kind}/{key:path}", metadata.put),
        ("DELETE", "/inventory/metadata/{kind}/{key:path}", metadata.remove),
    ):
        app.add_api_route(path, handler, methods=[method], response_model=None)
    app.add_exception_handler(NewelError, _refused)
    app.add_exception_handler(HTTPException, _no_such_route)
    return app


class _Gate:
    """Lets administrators in; a dependency of every route."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    async def __call__(self, request: Request) -> None:
        """Raises `NewelError` for anybody but an administrator."""
        own = self._inventory
        tls = request.scope.get("extensions", {}).get("tls", {})
        what = f"{request.method} {request.url.path}"
        request.scope[ROUTE] = request.scope["route"].path
        try:
            peer = await verify_administrator(
                tls.get("client_cert_chain_der", ()), own.listing, own.administrators, own.clock
            )
        except NewelError as error:
            own.audit.record("inventory.http", "refused", cause=error.cause, request=what)
            raise
        own.audit.record(
            "inventory.http",
            "granted",
            request=what,
            subject=peer.common_name,
            serial=peer.serial.hex(),
        )


class _Lists:
    """Certificates and endpoints."""

    def __init__(self, inventory: Inventory) -> None:
        self._listing = inventory.listing
        self._clock = inventory.clock

    async def certificates(self, request: Request) -> Response:
        query = read_query(_params(request), CERTIFICATE_FILTERS, CERTIFICATE_STATES)
        now = int(self._clock.unix())
        page = await self._listing.certificates(query, now)
        documents = [certificate_document(entry, now) for entry in page.entries]
        return _page(request, "certificates", documents, page.next, query)

    async def endpoints(self, request: Request) -> Response:
        query = read_query(_params(request), ENDPOINT_FILTERS, ENDPOINT_STATES)
        now = int(self._clock.unix())
        page = await self._listing.endpoints(query, now)
        documents = [endpoint_document(entry, now) for entry in page.entries]
        return _page(request, "endpoints", documents, page.next, query)

    async def certificate(self, serial: str) -> Response:
        try:
            entry = await self._listing.certificate(plain_serial(bytes.fromhex(serial)))
        except ValueError as error:
            raise NewelError(ErrorType.MALFORMED, "A serial number is hexadecimal.") from error
        if entry is None:
            raise NewelError(ErrorType.NOT_FOUND, "There is no such certificate.")
        return _json(certificate_document(entry, int(self._clock.unix())))

    async def endpoint(self, endpoint: str) -> Response:
        """The endpoint with its lineage, the certificate that ends last first (END-13)."""
        entry = await self._listing.endpoint(endpoint)
        if entry is None:
            raise NewelError(ErrorType.NOT_FOUND, "There is no such endpoint.")
        now = int(self._clock.unix())
        lineage = await self._listing.lineage(endpoint, _LINEAGE_LIMIT)
        certificates = [certificate_document(each, now) for each in lineage]
        return _json({**endpoint_document(entry, now), "certificates": certificates})

    async def export(self, request: Request) -> Response:
        """Every page of a list as one file: ``format`` is ``csv`` or ``ndjson`` (END-16)."""
        params = _params(request)
        kind = params.pop("format", "csv")
        if kind not in {"csv", "ndjson"} or "cursor" in params:
            detail = "An export's format is csv or ndjson, and it has no cursor."
            raise NewelError(ErrorType.MALFORMED, detail)
        params["limit"] = str(MAX_LIMIT)
        query = read_query(params, CERTIFICATE_FILTERS, CERTIFICATE_STATES)
        return StreamingResponse(
            self._export(query, kind),
            media_type={"csv": "text/csv", "ndjson": "application/x-ndjson"}[kind],
            headers={"Content-Disposition": f'attachment; filename="certificates.{kind}"'},
        )

    async def _export(self, query: ListQuery, kind: str) -> AsyncIterator[bytes]:
        now = int(self._clock.unix())
        header = True
        while True:
            page = await self._listing.certificates(query, now)
            documents = [certificate_document(entry, now) for entry in page.entries]
            if kind == "csv":
                yield csv_lines(documents, header=header).encode()
            else:
                yield b"".join(msgspec.json.encode(each) + b"\n" for each in documents)
            header = header and not documents
            if page.next is None:
                return
            query = dataclasses.replace(query, after=page.next)


class _Metadata:
    """What is known of subjects and names, for templates (END-17)."""

    def __init__(self, inventory: Inventory) -> None:
        self._metadata = inventory.metadata
        self._clock = inventory.clock

    async def show(self, kind: str, key: str, provisioner: str = "") -> Response:
        at = _metadata_key(kind, key, provisioner)
        entries = (await self._metadata.read([at])).get(at)
        if entries is None:
            raise NewelError(ErrorType.NOT_FOUND, "Nothing is known of it.")
        return _json(entries)

    async def put(self, request: Request, kind: str, key: str, provisioner: str = "") -> Response:
        at = _metadata_key(kind, key, provisioner)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_BODY:
                raise NewelError(ErrorType.TOO_LARGE, f"Metadata is {_MAX_BODY} octets at most.")
        try:
            entries = msgspec.json.decode(body, type=dict[str, str])
        except msgspec.DecodeError as error:
            detail = "Metadata is a JSON object of strings."
            raise NewelError(ErrorType.MALFORMED, detail) from error
        await self._metadata.write(at, entries, int(self._clock.unix()))
        return Response(status_code=204)

    async def remove(self, kind: str, key: str, provisioner: str = "") -> Response:
        if not await self._metadata.remove(_metadata_key(kind, key, provisioner)):
            raise NewelError(ErrorType.NOT_FOUND, "Nothing is known of it.")
        return Response(status_code=204)


def _metadata_key(kind: str, key: str, provisioner: str) -> MetadataKey:
    if kind not in {"subject", "name"} or "\0" in key + provisioner or len(key) > _MAX_KEY:
        detail = "Metadata is kept under subject/… or name/dns:…"
        raise NewelError(ErrorType.MALFORMED, detail)
    return MetadataKey(kind, key, provisioner)


def _params(request: Request) -> dict[str, str]:
    pairs = request.query_params.multi_items()
    params = dict(pairs)
    if len(params) != len(pairs):
        raise NewelError(ErrorType.MALFORMED, "Give each parameter once.")
    return params


def _page(
    request: Request,
    name: str,
    documents: list[dict[str, Any]],
    mark: Mark | None,
    query: ListQuery,
) -> Response:
    """A page with the cursor for the next and, for those who follow links, its address."""
    if mark is None:
        return _json({name: documents, "next": None})
    cursor = write_cursor(query, mark)
    link = str(request.url.include_query_params(cursor=cursor).replace(scheme="", netloc=""))
    response = _json({name: documents, "next": cursor})
    response.headers["Link"] = f'<{link}>; rel="next"'
    return response


def _json(document: object, status: int = 200, media_type: str = "application/json") -> Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(msgspec.json.encode(document), status, headers, media_type)


def _problem(status: int, kind: str, detail: str) -> Response:
    document = {"type": f"urn:newel:error:{kind}", "status": status, "detail": detail}
    return _json(document, status, "application/problem+json")


async def _refused(_: Request, error: Exception) -> Response:
    refusal = cast("NewelError", error)
    return _problem(refusal.http_status, refusal.type, refusal.detail)


async def _no_such_route(_: Request, error: Exception) -> Response:
    status = cast("HTTPException", error).status_code
    kind = ErrorType.METHOD_NOT_ALLOWED if status == 405 else ErrorType.NOT_FOUND
    return _problem(status, kind, "There is nothing here.")
