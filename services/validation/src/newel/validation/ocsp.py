"""What a request asks, and whether it is ours to answer (RFC 6960 §4.1, RFC 9919 §3)."""

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
from newel.validation.authorities import Authorities, Authority
from newel.validation.documents import Document

MEDIA_TYPE = b"application/ocsp-response"
NO_STORE = (b"cache-control", b"no-store")

_MOST_QUESTIONS = 16  # certificates in one request


@dataclass(frozen=True, slots=True)
class Unsigned:
    """An OCSPResponse that is nothing but a status (RFC 6960 §4.2.1)."""

    answer: str
    document: Document


def _unsigned(answer: str, status: ErrorStatus) -> Unsigned:
    return Unsigned(answer, Document(error_response(status), MEDIA_TYPE, (NO_STORE,)))


MALFORMED = _unsigned("malformed", ErrorStatus.MALFORMED_REQUEST)
INTERNAL_ERROR = _unsigned("internalError", ErrorStatus.INTERNAL_ERROR)
TRY_LATER = _unsigned("tryLater", ErrorStatus.TRY_LATER)
UNAUTHORIZED = _unsigned("unauthorized", ErrorStatus.UNAUTHORIZED)


class RefusedError(Exception):
    """A request is answered with an unsigned status."""

    def __init__(self, unsigned: Unsigned) -> None:
        super().__init__(unsigned.answer)
        self.unsigned = unsigned


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of one authority."""

    authority: Authority
    cert_ids: tuple[CertID, ...]  # at least one
    nonce: bytes | None  # 1 to 128 octets, RFC 9654

    @property
    def is_plain(self) -> bool:
        """Whether the answer would serve whoever asks the same."""
        return self.nonce is None and len(self.cert_ids) == 1


def understand(authorities: Authorities, candidates: Sequence[bytes]) -> Question:
    """What one of the candidates asks; the first that names an issuer of ours is it.

    Raises :class:`RefusedError`: malformed when none can be read, unauthorized when one can but asks,
    even in part, about certificates of issuers that are not ours (RFC 9919 §3.2.3).
    """
    refused = MALFORMED
    for candidate in candidates:
        try:
            request = parse_request(candidate)
        except MalformedRequest:
            continue
        refused = UNAUTHORIZED
        authority = _authority(authorities, request)
        if authority is not None:
            return Question(authority, request.cert_ids, request.nonce)
    raise RefusedError(refused)


def _authority(authorities: Authorities, request: Request) -> Authority | None:
    """The one authority all of a request is about. A response has one signer, so there is one."""
    if len(request.cert_ids) > _MOST_QUESTIONS:
        raise RefusedError(MALFORMED)
    found = {authorities.named_by(cert_id) for cert_id in request.cert_ids}
    return found.pop() if len(found) == 1 else None
