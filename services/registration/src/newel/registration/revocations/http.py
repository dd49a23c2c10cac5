"""Revocation over HTTPS, for administrators. Import it late: FastAPI is slow to load."""

from typing import Annotated, Literal, Self

import msgspec
from fastapi import APIRouter, FastAPI, Path, Request
from pydantic import BaseModel

from newel.registration.revocations.service import Preview, RevocationService
from newel.runtime.audit import Audit
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.admin_api import ADMINISTRATOR, Admit, build_admin_app
from newel.runtime.http.list_parameters import Hex
from newel.runtime.http.request_body import read_body
from newel.runtime.http.roles import Role

_PATH = "/revocations/{serial}"
_MAX_BODY = 4096
_MAX_COMMENT = 256
_JSON = "application/json"
_BODY = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "reason": {"type": "integer", "enum": [0, 1, 2, 3, 4, 5, 6, 9, 10], "default": 0},
        "comment": {"type": "string", "maxLength": _MAX_COMMENT, "default": ""},
    },
}
_TAKES_BODY = {"requestBody": {"content": {_JSON: {"schema": _BODY}}, "required": True}}


class RevocationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a certificate is revoked."""

    reason: Literal[0, 1, 2, 3, 4, 5, 6, 9, 10] = 0
    """RFC 5280 §5.3.1; 8 (removeFromCRL) is for delta CRLs alone."""
    comment: Annotated[str, msgspec.Meta(max_length=_MAX_COMMENT)] = ""


class RevocationDocument(BaseModel):
    """What a revocation did, or would do."""

    serial: str
    provisioner: str
    revoked: bool
    published: bool
    """Whether OCSP and the CRL show it; otherwise renewal alone is refused."""

    @classmethod
    def of(cls, preview: Preview) -> Self:
        """Describe a revocation."""
        return cls(
            serial=preview.serial,
            provisioner=preview.provisioner,
            revoked=preview.is_revoked,
            published=preview.is_published,
        )


def build_app(service: RevocationService, admit: Admit, audit: Audit) -> FastAPI:
    """Build the ASGI app for everything under ``/revocations``."""
    routes = APIRouter(prefix="/revocations")

    @routes.get("/{serial}")
    async def preview(serial: Annotated[Hex, Path()]) -> RevocationDocument:
        """Tell what the revocation of a certificate would do. Serial numbers are hexadecimal."""
        return RevocationDocument.of(await service.preview(serial))

    @routes.post("/{serial}", openapi_extra=_TAKES_BODY)
    async def revoke(serial: Annotated[Hex, Path()], request: Request) -> RevocationDocument:
        """Revoke a certificate for good."""
        body = await _read_body(request)
        administrator = request.scope[ADMINISTRATOR]
        done = await service.revoke(serial, body.reason, body.comment, administrator)
        return RevocationDocument.of(done)

    roles = {("POST", _PATH): Role.OPERATOR}
    return build_admin_app("revocations", admit, audit, routes, roles)


async def _read_body(request: Request) -> RevocationBody:
    """Read the body. Raises `NewelError`.

    Only JSON that says so is read: a form of another site, which a browser would send with the
    administrator's certificate, cannot say so.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise NewelError(ErrorType.UNSUPPORTED_MEDIA_TYPE, f"Send {_JSON}.")
    octets = await read_body(request.receive, _MAX_BODY, request.scope["headers"])
    try:
        return msgspec.json.decode(octets, type=RevocationBody)
    except msgspec.DecodeError as error:
        detail = "Send an object with a reason (0 to 6, 9 or 10) and a comment."
        raise NewelError(ErrorType.MALFORMED, detail, cause=str(error)) from error
