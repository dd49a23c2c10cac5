"""The lists over HTTPS, for administrators. Imported on the first request: FastAPI is slow to load."""

import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import msgspec
from fastapi import FastAPI, Request, Response
from starlette.responses import StreamingResponse

from newel.inventory.administrators import Peers, verify_administrator
from newel.inventory.catalogue import CertificateEntry, EndpointEntry
from newel.inventory.certificate import plain_serial
from newel.inventory.config import Administrator
from newel.inventory.documents import certificate_document, csv_lines, endpoint_document
from newel.inventory.lookup import MetadataKey, MetadataStore
from newel.inventory.questions import CERTIFICATES, ENDPOINTS
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.database.listing import MAX_LIMIT, ListQuery, Page
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.admin_http import administrators_app, json_answer, page_answer, params_of
from newel.runtime.http.request_body import read_body

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
    """The ASGI app for everything under ``/inventory``."""
    lists, metadata = _Lists(inventory), _Metadata(inventory)

    async def admit(certificate: bytes) -> dict[str, str]:
        own = inventory
        peer = await verify_administrator(certificate, own.listing, own.administrators, own.clock)
        return {"subject": peer.common_name, "serial": peer.serial.hex()}

    return administrators_app(
        "inventory",
        admit,
        inventory.audit,
        (
            ("GET", "/inventory/certificates", lists.certificates),
            ("GET", "/inventory/certificates/export", lists.export),
            ("GET", "/inventory/certificates/{serial}", lists.certificate),
            ("GET", "/inventory/endpoints", lists.endpoints),
            ("GET", "/inventory/endpoints/{endpoint}", lists.endpoint),
            ("GET", "/inventory/metadata/{kind}/{key:path}", metadata.show),
            ("PUT", "/inventory/metadata/{kind}/{key:path}", metadata.put),
            ("DELETE", "/inventory/metadata/{kind}/{key:path}", metadata.remove),
        ),
    )


class _Lists:
    """Certificates and endpoints."""

    def __init__(self, inventory: Inventory) -> None:
        self._listing = inventory.listing
        self._clock = inventory.clock

    async def certificates(self, request: Request) -> Response:
        query = CERTIFICATES.read(params_of(request))
        now = int(self._clock.unix())
        page = await self._listing.certificates(query, now)
        documents = [certificate_document(entry, now) for entry in page.entries]
        return page_answer(request, "certificates", documents, page.next, query)

    async def endpoints(self, request: Request) -> Response:
        query = ENDPOINTS.read(params_of(request))
        now = int(self._clock.unix())
        page = await self._listing.endpoints(query, now)
        documents = [endpoint_document(entry, now) for entry in page.entries]
        return page_answer(request, "endpoints", documents, page.next, query)

    async def certificate(self, serial: str) -> Response:
        try:
            entry = await self._listing.certificate(plain_serial(bytes.fromhex(serial)))
        except ValueError as error:
            raise NewelError(ErrorType.MALFORMED, "A serial number is hexadecimal.") from error
        if entry is None:
            raise NewelError(ErrorType.NOT_FOUND, "There is no such certificate.")
        return json_answer(certificate_document(entry, int(self._clock.unix())))

    async def endpoint(self, endpoint: str) -> Response:
        """The endpoint with its lineage, the certificate that ends last first (END-13)."""
        entry = await self._listing.endpoint(endpoint)
        if entry is None:
            raise NewelError(ErrorType.NOT_FOUND, "There is no such endpoint.")
        now = int(self._clock.unix())
        lineage = await self._listing.lineage(endpoint, _LINEAGE_LIMIT)
        certificates = [certificate_document(each, now) for each in lineage]
        return json_answer({**endpoint_document(entry, now), "certificates": certificates})

    async def export(self, request: Request) -> Response:
        """Every page of a list as one file: ``format`` is ``csv`` or ``ndjson`` (END-16)."""
        params = params_of(request)
        kind = params.pop("format", "csv")
        if kind not in {"csv", "ndjson"} or "cursor" in params:
            detail = "An export's format is csv or ndjson, and it has no cursor."
            raise NewelError(ErrorType.MALFORMED, detail)
        params["limit"] = str(MAX_LIMIT)
        query = CERTIFICATES.read(params)
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
        return json_answer(entries)

    async def put(self, request: Request, kind: str, key: str, provisioner: str = "") -> Response:
        at = _metadata_key(kind, key, provisioner)
        body = await read_body(request.receive, _MAX_BODY)
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
