"""Parses OCSP requests and finds the issuer that they are about (RFC 6960 §4.1, RFC 9919 §3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from newel.crypto.ocsp import (
    CertID,
    ErrorStatus,
    MalformedRequest,
    Request,
    error_response,
    parse_request,
)
from newel.validation.documents import Document
from newel.validation.issuers import Issuer, Issuers

MEDIA_TYPE = b"application/ocsp-response"
NO_STORE = (b"cache-control", b"no-store")

_MAX_CERT_IDS = 16  # in one request


@dataclass(frozen=True, slots=True)
class UnsignedResponse:
    """An OCSPResponse that consists of a status alone (RFC 6960 §4.2.1)."""

    name: str
    document: Document


def _unsigned_response(name: str, status: ErrorStatus) -> UnsignedResponse:
    return UnsignedResponse(name, Document(error_response(status), MEDIA_TYPE, (NO_STORE,)))


MALFORMED = _unsigned_response("malformed", ErrorStatus.MALFORMED_REQUEST)
INTERNAL_ERROR = _unsigned_response("internalError", ErrorStatus.INTERNAL_ERROR)
TRY_LATER = _unsigned_response("tryLater", ErrorStatus.TRY_LATER)
UNAUTHORIZED = _unsigned_response("unauthorized", ErrorStatus.UNAUTHORIZED)


class RefusedError(Exception):
    """A request is answered with an unsigned response."""

    def __init__(self, response: UnsignedResponse) -> None:
        super().__init__(response.name)
        self.response = response


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """A request for the status of certificates of one issuer."""

    issuer: Issuer
    cert_ids: tuple[CertID, ...]  # at least one
    nonce: bytes | None  # 1 to 128 octets, RFC 9654

    @property
    def is_cacheable(self) -> bool:
        """Whether its response also answers other clients that ask the same."""
        return self.nonce is None and len(self.cert_ids) == 1


def parse_requests(issuers: Issuers, candidates: Sequence[bytes]) -> StatusRequest:
    """Parse the candidates and return the first that names one of the issuers.

    Raises :class:`RefusedError`: malformed when none can be parsed, unauthorized when one can be but
    asks, even in part, about certificates of other issuers (RFC 9919 §3.2.3).
    """
    refusal = MALFORMED
    for candidate in candidates:
        try:
            request = parse_request(candidate)
        except MalformedRequest:
            continue
        refusal = UNAUTHORIZED
        issuer = _find_issuer(issuers, request)
        if issuer is not None:
            return StatusRequest(issuer, request.cert_ids, request.nonce)
    raise RefusedError(refusal)


def _find_issuer(issuers: Issuers, request: Request) -> Issuer | None:
    """Find the one issuer of all certificates in a request: its response has one signer."""
    if len(request.cert_ids) > _MAX_CERT_IDS:
        raise RefusedError(MALFORMED)
    found = {issuers.find(cert_id) for cert_id in request.cert_ids}
    return found.pop() if len(found) == 1 else None
