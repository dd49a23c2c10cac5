"""Revocation over HTTPS, for administrators. Import it late: FastAPI is slow to load."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self, TypeVar

import msgspec
from fastapi import APIRouter, FastAPI, Path, Request
from pydantic import AfterValidator, BaseModel

from newel.registration.revocations.service import Outcome, Preview, RevocationService, Target
from newel.registration.ssh_issuance import SSHType
from newel.runtime.audit import Audit
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.admin_api import (
    ADMINISTRATOR,
    Admit,
    ReadDelegation,
    build_admin_app,
)
from newel.runtime.http.list_parameters import Hex
from newel.runtime.http.request_body import read_body
from newel.runtime.http.roles import Role

_PATH = "/revocations/{serial}"
_KEY_PATH = "/revocations/keys/{digest}"
_MAX_BODY = 4096
_MAX_COMMENT = 256
_JSON = "application/json"
_PROPERTIES = {
    "reason": {"type": "integer", "enum": [0, 1, 2, 3, 4, 5, 6, 9, 10], "default": 0},
    "comment": {"type": "string", "maxLength": _MAX_COMMENT, "default": ""},
}
_BODY = {"type": "object", "additionalProperties": False, "properties": _PROPERTIES}
_HINT = "Send an object with a reason (0 to 6, 9 or 10) and a comment."
MAX_TARGETS = 64
_MAX_OCTETS = 20


def _check_serial(octets: bytes) -> bytes:
    if not 1 <= len(octets) <= _MAX_OCTETS:
        raise ValueError(f"a serial number of 1 to {_MAX_OCTETS} octets that is not 0")
    return octets


Serial = Annotated[Hex, AfterValidator(_check_serial), Path()]
Digest = Annotated[str, Path(pattern="^[0-9a-fA-F]{64}$")]
"""SHA-256 of a SubjectPublicKeyInfo."""
_MAX_BODIES = 16 * 1024
_HINT_OF_ALL = (
    f"Send an object with 1 to {MAX_TARGETS} certificates (objects with the serial, not 0, in hexadecimal, and"
    " the type x509, ssh-user or ssh-host), a reason (0 to 6, 9 or 10) and a comment."
)
_SERIAL = r"^(?=[0-9a-fA-F]{1,40}(?![\s\S]))0*[1-9a-fA-F]"
"""Hexadecimal digits of a number that is not 0, because no certificate has that; ``$`` would let a newline in."""
_SSH_TYPES: Mapping[str, SSHType | None] = {"x509": None, "ssh-user": "user", "ssh-host": "host"}
_TARGET = {
    "type": "object",
    "additionalProperties": False,
    "required": ["serial"],
    "properties": {
        "serial": {"type": "string", "pattern": _SERIAL},
        "type": {"type": "string", "enum": ["x509", "ssh-user", "ssh-host"], "default": "x509"},
    },
}
_BODIES = {
    "type": "object",
    "additionalProperties": False,
    "required": ["certificates"],
    "properties": {
        "certificates": {"type": "array", "items": _TARGET, "minItems": 1, "maxItems": MAX_TARGETS},
        **_PROPERTIES,
    },
}
_TAKES_BODIES = {"requestBody": {"content": {_JSON: {"schema": _BODIES}}, "required": True}}
_TAKES_BODY = {"requestBody": {"content": {_JSON: {"schema": _BODY}}, "required": True}}

_KEY_BODY = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"comment": _PROPERTIES["comment"]},
}
_TAKES_KEY_BODY = {"requestBody": {"content": {_JSON: {"schema": _KEY_BODY}}, "required": True}}
_HINT_OF_KEY = "Send an object with a comment, which may be empty."

Body = TypeVar("Body")


class RevocationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a certificate is revoked."""

    reason: Literal[0, 1, 2, 3, 4, 5, 6, 9, 10] = 0
    """RFC 5280 §5.3.1; 8 (removeFromCRL) is for delta CRLs alone."""
    comment: Annotated[str, msgspec.Meta(max_length=_MAX_COMMENT)] = ""


class KeyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a key is declared compromised."""

    comment: Annotated[str, msgspec.Meta(max_length=_MAX_COMMENT)] = ""


class TargetBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One certificate of several."""

    serial: Annotated[str, msgspec.Meta(pattern=_SERIAL)]
    type: Literal["x509", "ssh-user", "ssh-host"] = "x509"

    def target(self) -> Target:
        """Return the certificate that is meant."""
        digits = self.serial.zfill(len(self.serial) + len(self.serial) % 2)
        return Target(bytes.fromhex(digits).lstrip(b"\0"), _SSH_TYPES[self.type])


class RevocationsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Certificates to revoke for one reason."""

    certificates: Annotated[
        tuple[TargetBody, ...], msgspec.Meta(min_length=1, max_length=MAX_TARGETS)
    ]
    reason: Literal[0, 1, 2, 3, 4, 5, 6, 9, 10] = 0
    comment: Annotated[str, msgspec.Meta(max_length=_MAX_COMMENT)] = ""


class OutcomeDocument(BaseModel):
    """What became of one certificate of several."""

    serial: str
    outcome: str
    """``revoked``, or the type of the error: ``alreadyRevoked``, ``notFound``, ``unavailable`` …"""
    detail: str

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """Describe what became of a certificate."""
        error = outcome.error
        return cls(
            serial=outcome.target.serial.hex(),
            outcome=error.type.value if error else "revoked",
            detail=error.detail if error else "",
        )


class OutcomesDocument(BaseModel):
    """What became of each certificate, in the order of the request."""

    certificates: list[OutcomeDocument]


class KeyDocument(BaseModel):
    """A key that is blocked: the SHA-256 of its SubjectPublicKeyInfo in hexadecimal."""

    key: str
    blocked_before: bool


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


def build_app(
    service: RevocationService, admit: Admit, read_delegation: ReadDelegation, audit: Audit
) -> FastAPI:
    """Build the ASGI app for everything under ``/revocations``."""
    routes = APIRouter(prefix="/revocations")

    @routes.get("/{serial}")
    async def preview(serial: Serial) -> RevocationDocument:
        """Tell what the revocation of a certificate would do. Serial numbers are hexadecimal."""
        return RevocationDocument.of(await service.preview(serial))

    @routes.post("/{serial}", openapi_extra=_TAKES_BODY)
    async def revoke(serial: Serial, request: Request) -> RevocationDocument:
        """Revoke a certificate for good."""
        body = await _read_body(request, RevocationBody, _MAX_BODY, _HINT)
        administrator = request.scope[ADMINISTRATOR]
        done = await service.revoke(Target(serial), body.reason, body.comment, administrator)
        return RevocationDocument.of(done)

    @routes.post("", openapi_extra=_TAKES_BODIES)
    async def revoke_all(request: Request) -> OutcomesDocument:
        """Revoke certificates for good, each by itself; the answer has the outcome of each."""
        body = await _read_body(request, RevocationsBody, _MAX_BODIES, _HINT_OF_ALL)
        targets = [each.target() for each in body.certificates]
        administrator = request.scope[ADMINISTRATOR]
        outcomes = await service.revoke_all(targets, body.reason, body.comment, administrator)
        return OutcomesDocument(certificates=[OutcomeDocument.of(each) for each in outcomes])

    @routes.post("/keys/{digest}", openapi_extra=_TAKES_KEY_BODY)
    async def block_key(digest: Digest, request: Request) -> KeyDocument:
        """Declare a key compromised, whether or not it has a certificate, by its SHA-256.

        Nothing is issued on it any more, and every certificate on it is revoked within seconds.
        """
        body = await _read_body(request, KeyBody, _MAX_BODY, _HINT_OF_KEY)
        administrator = request.scope[ADMINISTRATOR]
        changed = await service.block_key(bytes.fromhex(digest), body.comment, administrator)
        return KeyDocument(key=digest.lower(), blocked_before=not changed)

    roles = {
        ("POST", _KEY_PATH): Role.OPERATOR,
        ("POST", _PATH): Role.OPERATOR,
        ("POST", "/revocations"): Role.OPERATOR,
    }
    return build_admin_app("revocations", admit, read_delegation, audit, routes, roles)


async def _read_body(request: Request, kind: type[Body], size: int, hint: str) -> Body:
    """Read the body of a kind, which ``hint`` describes. Raises `NewelError`.

    Only JSON that says so is read: a form of another site, which a browser would send with the
    administrator's certificate, cannot say so.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise NewelError(ErrorType.UNSUPPORTED_MEDIA_TYPE, f"Send {_JSON}.")
    octets = await read_body(request.receive, size, request.scope["headers"])
    try:
        return msgspec.json.decode(octets, type=kind)
    except msgspec.DecodeError as error:
        raise NewelError(ErrorType.MALFORMED, hint, cause=str(error)) from error
