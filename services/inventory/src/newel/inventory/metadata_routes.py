"""Metadata over HTTPS: one at a time, as a list, and whole files."""

import base64
import datetime as dt
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from newel.inventory.lookup import MetadataKey, spell_name
from newel.inventory.metadata_file import (
    KINDS,
    MAX_KEY,
    MAX_RECORD_SIZE,
    MetadataFileError,
    check_key,
    read_metadata,
)
from newel.inventory.storage.metadata import Change, MetadataFilters, MetadataStorage, StoredRecord
from newel.runtime.asgi import find_header
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.database.listing import DEFAULT_LIMIT
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.admin_api import ADMINISTRATOR
from newel.runtime.http.list_parameters import Limit, Text
from newel.runtime.http.request_body import read_body
from newel.runtime.http.roles import VerifiedAdministrator
from newel.runtime.work import run_in_thread

_MAX_FILE = 8 * 1024 * 1024
_METADATA_BODY = {"type": "object", "additionalProperties": {"type": "string"}}
_TAKES_METADATA = {
    "requestBody": {"content": {"application/json": {"schema": _METADATA_BODY}}, "required": True}
}
_FORMATS = {"text/csv": True, "application/json": False, "application/x-ndjson": False}
_TAKES_FILE: dict[str, Any] = {
    "requestBody": {"content": {name: {} for name in _FORMATS}, "required": True}
}


class MetadataParameters(BaseModel, extra="forbid", frozen=True):
    """The filters of the list of metadata, in the order of its keys."""

    kind: Literal["subject", "name"] | None = None
    provisioner: Text | None = None
    search: Text | None = None
    """A part of the key, without regard to case."""
    attribute: Text | None = None
    """A whole entry, as in ``owner=ada@example.com``."""
    limit: Limit = DEFAULT_LIMIT
    cursor: str | None = None

    def filters(self) -> MetadataFilters:
        """Return the filters. Raises ``malformed`` for an attribute without a value."""
        attribute = None
        if self.attribute is not None:
            name, sign, value = self.attribute.partition("=")
            if not (name and sign):
                detail = "The parameter 'attribute' must be an entry as in owner=ada@example.com."
                raise NewelError(ErrorType.MALFORMED, detail)
            attribute = name, value
        return MetadataFilters(self.kind, self.provisioner, self.search, attribute)


class ImportParameters(BaseModel, extra="forbid", frozen=True):
    """How a file is imported."""

    dry_run: bool = False


class MetadataDocument(BaseModel):
    """What is known of a subject or of a name; ``provisioner`` is "" when it holds for all."""

    kind: str
    key: str
    provisioner: str
    entries: dict[str, str]
    updated_at: dt.datetime

    @classmethod
    def of(cls, stored: StoredRecord) -> Self:
        """Describe a record."""
        key = stored.key
        return cls(
            kind=key.kind,
            key=key.key,
            provisioner=key.provisioner,
            entries=stored.entries,
            updated_at=stored.updated_at,
        )


class MetadataPage(BaseModel):
    """A page of metadata; ``next`` is the cursor of the page after it."""

    metadata: list[MetadataDocument]
    next: str | None


class ImportDocument(BaseModel):
    """What an import did, or would do: how many records are new, have changed, and are as they were."""

    created: int
    changed: int
    unchanged: int
    dry_run: bool


def add_metadata(routes: APIRouter, store: MetadataStorage, clock: Clock, audit: Audit) -> None:
    """Add the routes below ``/metadata``."""
    _add_files(routes, store, clock, audit)
    path = "/metadata/{kind}/{key:path}"

    @routes.get(path)
    async def read_one(kind: str, key: str, provisioner: str = "") -> dict[str, str]:
        """Read the metadata that templates get for a subject or a name."""
        keys = _spell_key(kind, key, provisioner)
        found = await store.read(keys)
        for at in keys:
            if at in found:
                return found[at]
        raise NewelError(ErrorType.NOT_FOUND, "Nothing is known of it.")

    @routes.put(path, status_code=204, openapi_extra=_TAKES_METADATA)
    async def write_one(request: Request, kind: str, key: str, provisioner: str = "") -> None:
        """Replace the metadata of a subject or a name with a JSON object of strings."""
        try:
            at = check_key(_read_key(kind, key, provisioner))
        except ValueError as error:
            raise NewelError(ErrorType.MALFORMED, f"The key is refused: {error}.") from error
        body = await read_body(request.receive, MAX_RECORD_SIZE, request.scope["headers"])
        try:
            entries = msgspec.json.decode(body, type=dict[str, str])
        except msgspec.DecodeError as error:
            detail = "Metadata is a JSON object of strings."
            raise NewelError(ErrorType.MALFORMED, detail) from error
        await store.write(at, entries, clock.now())

    @routes.delete(path, status_code=204)
    async def remove_one(kind: str, key: str, provisioner: str = "") -> None:
        """Remove the metadata of a subject or a name."""
        for at in _spell_key(kind, key, provisioner):
            if await store.remove(at):
                return
        raise NewelError(ErrorType.NOT_FOUND, "Nothing is known of it.")


def _add_files(routes: APIRouter, store: MetadataStorage, clock: Clock, audit: Audit) -> None:
    @routes.get("/metadata")
    async def list_metadata(
        parameters: Annotated[MetadataParameters, Query()], request: Request, response: Response
    ) -> MetadataPage:
        """One page of metadata, in the order of kind, key and provisioner."""
        after = _read_cursor(parameters.cursor)
        found = await store.page(parameters.filters(), after, parameters.limit + 1)
        shown, following = found[: parameters.limit], None
        if len(found) > len(shown):
            following = _write_cursor(shown[-1].key)
            url = request.url.include_query_params(cursor=following).replace(scheme="", netloc="")
            response.headers["Link"] = f'<{url}>; rel="next"'
        return MetadataPage(metadata=[MetadataDocument.of(each) for each in shown], next=following)

    @routes.post("/metadata", openapi_extra=_TAKES_FILE)
    async def import_metadata(
        parameters: Annotated[ImportParameters, Query()], request: Request
    ) -> ImportDocument:
        """Write all records of a file (CSV, JSON or NDJSON), or none of them."""
        administrator: VerifiedAdministrator = request.scope[ADMINISTRATOR]
        subject = administrator.subject
        try:
            change = await _read_change(request, store)
        except NewelError as error:
            audit.record("inventory.import", "refused", cause=error.detail, subject=subject)
            raise
        if not parameters.dry_run:
            await store.write_all(change.records, clock.now())
        counts = {
            "created": change.created, "changed": change.changed, "unchanged": change.unchanged,
        }  # fmt: skip # numbers in a row
        audit.record(
            "inventory.import", "granted", subject=subject, dry_run=parameters.dry_run, **counts
        )
        return ImportDocument(**counts, dry_run=parameters.dry_run)


async def _read_change(request: Request, store: MetadataStorage) -> Change:
    """Return what the file in the body changes. Raises `NewelError` for one that is wrong anywhere."""
    media_type = find_header(request.scope, b"content-type").decode("latin-1")
    is_csv = _FORMATS.get(media_type.partition(";")[0].strip().lower())
    if is_csv is None:
        raise NewelError(
            ErrorType.UNSUPPORTED_MEDIA_TYPE,
            f"The Content-Type of a file is {' or '.join(_FORMATS)}.",
        )
    body = await read_body(request.receive, _MAX_FILE, request.scope["headers"])
    try:
        text = body.decode("utf-8-sig")
        records = await run_in_thread(read_metadata, text, is_csv=is_csv)
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        detail = f"Nothing was imported: line {line}: this is no UTF-8."
        raise NewelError(ErrorType.MALFORMED, detail) from error
    except MetadataFileError as error:
        raise NewelError(ErrorType.MALFORMED, f"Nothing was imported: {error}.") from error
    return await store.compare(records)


def _read_key(kind: str, key: str, provisioner: str) -> MetadataKey:
    if kind not in KINDS or "\0" in key + provisioner or len(key) > MAX_KEY:
        detail = "Metadata is kept under subject/… or name/dns:…"
        raise NewelError(ErrorType.MALFORMED, detail)
    return MetadataKey(kind, key, provisioner)


def _spell_key(kind: str, key: str, provisioner: str) -> list[MetadataKey]:
    """Return the keys that may be meant: this very one, which an earlier version kept, and as it is kept now."""
    at = _read_key(kind, key, provisioner)
    spelled = replace(at, key=spell_name(key)) if kind == "name" else at
    return list(dict.fromkeys((at, spelled)))


def _write_cursor(key: MetadataKey) -> str:
    plain = msgspec.json.encode([key.kind, key.key, key.provisioner])
    return base64.urlsafe_b64encode(plain).decode().rstrip("=")


def _read_cursor(cursor: str | None) -> MetadataKey | None:
    if cursor is None:
        return None
    try:
        plain = base64.urlsafe_b64decode(cursor[:8192].encode("ascii") + b"===")
        return MetadataKey(*msgspec.json.decode(plain, type=tuple[str, str, str]))
    except (ValueError, msgspec.DecodeError) as error:
        detail = "The parameter 'cursor' must be one that an earlier page gave."
        raise NewelError(ErrorType.MALFORMED, detail) from error
