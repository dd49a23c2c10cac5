"""The inventory over HTTPS, for administrators. Import it late: FastAPI is slow to load."""

import dataclasses
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, FastAPI, Path, Query, Request, Response
from starlette.responses import StreamingResponse

from newel.inventory.administrators import verify_administrator
from newel.inventory.config import Administrator
from newel.inventory.documents import (
    AdministratorDocument,
    CertificateDocument,
    CertificatePage,
    CertificateParameters,
    Digest,
    EndpointDocument,
    EndpointPage,
    EndpointParameters,
    KeyDocument,
    LineageDocument,
    OverviewDocument,
    write_csv,
    write_rows,
)
from newel.inventory.lookup import MetadataQuery, look_up, spell_name
from newel.inventory.metadata_routes import add_metadata
from newel.inventory.metering import Meter
from newel.inventory.metering_documents import COLUMNS, MeteringDocument, MeteringParameters
from newel.inventory.overview import OverviewCounter
from newel.inventory.repository import Repository, read_chain
from newel.inventory.storage.keys import KeyStorage
from newel.inventory.storage.listing import ListingStorage
from newel.inventory.storage.metadata import MetadataStorage
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.database.listing import MAX_LIMIT, ListQuery
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.admin_api import ADMINISTRATOR, build_admin_app, link_next
from newel.runtime.http.list_parameters import Hex
from newel.runtime.http.roles import VerifiedAdministrator
from newel.step import delegations

_LINEAGE_LIMIT = 1000
_OWNERS_LIMIT = 100
_MEDIA_TYPES = {"csv": "text/csv", "ndjson": "application/x-ndjson"}


class ExportParameters(CertificateParameters, frozen=True):
    """The filters of the export, which has no pages."""

    cursor: None = None
    format: Literal["csv", "ndjson"] = "csv"


@dataclass(frozen=True, slots=True)
class Inventory:
    """What the routes work with."""

    listing: ListingStorage
    keys: KeyStorage
    metadata: MetadataStorage
    overview: OverviewCounter
    meter: Meter
    repository: Repository
    administrators: tuple[Administrator, ...]
    clock: Clock
    audit: Audit

    def now(self) -> dt.datetime:
        """Return the time in whole seconds, as the catalogue holds times."""
        return self.clock.now().replace(microsecond=0)


def build_app(inventory: Inventory) -> FastAPI:
    """Build the ASGI app for everything under ``/inventory``."""

    async def admit(certificate: bytes) -> VerifiedAdministrator:
        own = inventory
        return await verify_administrator(certificate, own.listing, own.administrators, own.clock)

    def read_delegation(text: str) -> bytes:
        return delegations.read(text, "inventory", inventory.clock.now())

    routes = APIRouter(prefix="/inventory")
    _add_overview(routes, inventory)
    _add_metering(routes, inventory)
    _add_certificates(routes, inventory)
    _add_keys(routes, inventory)
    _add_endpoints(routes, inventory)
    add_metadata(routes, inventory.metadata, inventory.clock, inventory.audit)
    return build_admin_app("inventory", admit, read_delegation, inventory.audit, routes)


def _add_overview(routes: APIRouter, inventory: Inventory) -> None:
    @routes.get("/administrator")
    async def administrator(request: Request) -> AdministratorDocument:
        """Tell whom the client certificate makes an administrator, and of which role."""
        known: VerifiedAdministrator = request.scope[ADMINISTRATOR]
        return AdministratorDocument(subject=known.subject, serial=known.serial, role=known.role)

    @routes.get("/overview")
    async def overview() -> OverviewDocument:
        """Count certificates and endpoints by state, expiry by day and issuance by hour."""
        return OverviewDocument.of(await inventory.overview.count())


def _add_metering(routes: APIRouter, inventory: Inventory) -> None:
    @routes.get("/metering", response_model=MeteringDocument)
    async def usage(
        parameters: Annotated[MeteringParameters, Query()],
    ) -> MeteringDocument | Response:
        """Endpoint-months and certificate-months of a month, by provisioner and authority."""
        document = MeteringDocument.of(await inventory.meter.report(parameters.when()))
        if parameters.format == "json":
            return document
        name = f"metering-{document.month}.csv"
        return Response(
            write_rows(document.rows(), COLUMNS),
            media_type="text/csv",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def _add_certificates(routes: APIRouter, inventory: Inventory) -> None:
    listing = inventory.listing

    @routes.get("/certificates")
    async def certificates(
        parameters: Annotated[CertificateParameters, Query()], request: Request, response: Response
    ) -> CertificatePage:
        """One page of certificates, the latest first unless ``sort`` says otherwise."""
        query, now = parameters.query(), inventory.now()
        page = await listing.certificates(query, now)
        following = link_next(request, response, query, page.next)
        found = [CertificateDocument.of(entry, now) for entry in page.entries]
        return CertificatePage(certificates=found, next=following)

    @routes.get("/certificates/export", response_class=StreamingResponse)
    async def export(parameters: Annotated[ExportParameters, Query()]) -> StreamingResponse:
        """Every certificate that passes the filters, as one file."""
        kind = parameters.format
        query = dataclasses.replace(parameters.query(), limit=MAX_LIMIT)
        return StreamingResponse(
            _export(inventory, query, kind),
            media_type=_MEDIA_TYPES[kind],
            headers={"Content-Disposition": f'attachment; filename="certificates.{kind}"'},
        )

    @routes.get("/certificates/{serial}")
    async def certificate(serial: Annotated[Hex, Path()]) -> CertificateDocument:
        """One certificate by its serial number in hexadecimal."""
        entry = await listing.certificate(serial)
        if entry is None:
            raise NewelError(ErrorType.NOT_FOUND, "There is no such certificate.")
        return CertificateDocument.of(entry, inventory.now())

    @routes.get("/certificates/{serial}/chain", response_class=Response)
    async def chain(serial: Annotated[Hex, Path()]) -> Response:
        """One certificate and its issuers below the root, as a file of PEM blocks (RFC 7468)."""
        ders = await read_chain(inventory.repository, serial)
        text = "".join(ssl.DER_cert_to_PEM_cert(der) for der in ders)
        name = f"{serial.hex()}.pem"
        return Response(
            text,
            media_type="application/pem-certificate-chain",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


async def _export(inventory: Inventory, query: ListQuery, kind: str) -> AsyncIterator[bytes]:
    now, header = inventory.now(), True
    while True:
        page = await inventory.listing.certificates(query, now)
        documents = [CertificateDocument.of(entry, now) for entry in page.entries]
        if kind == "csv":
            yield write_csv(documents, header=header).encode()
        else:
            yield "".join(f"{each.model_dump_json()}\n" for each in documents).encode()
        header = header and not documents
        if page.next is None:
            return
        query = dataclasses.replace(query, after=page.next)


def _add_keys(routes: APIRouter, inventory: Inventory) -> None:
    @routes.get("/keys/{key}")
    async def key_use(key: Annotated[Digest, Path()]) -> KeyDocument:
        """Describe what depends on a public key, the SHA-256 of its SubjectPublicKeyInfo."""
        await inventory.listing.require_keys()
        use = await inventory.keys.read_use(key, inventory.now(), _OWNERS_LIMIT)
        return KeyDocument.of(key, use)


def _add_endpoints(routes: APIRouter, inventory: Inventory) -> None:
    listing = inventory.listing

    @routes.get("/endpoints")
    async def endpoints(
        parameters: Annotated[EndpointParameters, Query()], request: Request, response: Response
    ) -> EndpointPage:
        """One page of endpoints, the latest first unless ``sort`` says otherwise."""
        query, now = parameters.query(), inventory.now()
        page = await listing.endpoints(query, now)
        following = link_next(request, response, query, page.next)
        found = [EndpointDocument.of(entry, now) for entry in page.entries]
        return EndpointPage(endpoints=found, next=following)

    @routes.get("/endpoints/{endpoint}")
    async def endpoint(endpoint: str) -> LineageDocument:
        """One endpoint with its certificates, the one that expires last first."""
        entry = await listing.endpoint(endpoint)
        if entry is None:
            raise NewelError(ErrorType.NOT_FOUND, "There is no such endpoint.")
        now = inventory.now()
        lineage = await listing.lineage(endpoint, _LINEAGE_LIMIT)
        certificates = [CertificateDocument.of(each, now) for each in lineage]
        proof = lineage[0].proof if lineage else ""
        names = tuple(map(spell_name, entry.names))
        question = MetadataQuery(entry.provisioner, proof, names)
        (known,) = await look_up(inventory.metadata, [question])
        return LineageDocument.of(entry, now, metadata=known or {}, certificates=certificates)
