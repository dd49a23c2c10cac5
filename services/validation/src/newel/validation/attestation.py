"""Statuses → signed OCSP responses, ready to send (RFC 6960 §4.2, RFC 9919 §3.2 and §6)."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from newel.crypto import keys
from newel.crypto.ocsp import CertID, SingleResponse
from newel.runtime.clock import Clock
from newel.validation.answers import Answer
from newel.validation.delegation import UnfitResponderError
from newel.validation.documents import Document, entity_tag, http_date
from newel.validation.ocsp import MEDIA_TYPE, NO_STORE, Question
from newel.validation.status import Status

_UNKNOWN_KEPT = 1.0  # seconds: the event that a certificate was issued may be on its way


class OcspSigner(Protocol):
    """Who signs."""

    async def ocsp(self, key: str, response_data: bytes) -> bytes:
        """The signature of the signer's key ``key`` over the DER of a ResponseData."""
        ...


@dataclass(frozen=True, slots=True)
class OcspTimes:
    """Seconds."""

    validity: int  # nextUpdate - thisUpdate
    unknown_validity: int  # the same for serials never issued
    max_age: int  # how long HTTP caches keep an answer
    max_lag: int  # nothing is good on knowledge older than this


class Attestor:
    """Has responses signed and lets none go out whose signature does not verify."""

    def __init__(self, signer: OcspSigner, times: OcspTimes, clock: Clock) -> None:
        self._signer = signer
        self._times = times
        self._clock = clock

    async def attest(self, question: Question, statuses: Sequence[Status | None]) -> Answer:
        """The answer to a question, given the status of each certificate (None: never issued).

        Raises UnfitResponderError, LintError, NewelError when the signer is away or
        refuses, InvalidSignature.
        """
        now = int(self._clock.unix())
        authority = question.authority
        responder = authority.delegation.responder(now)
        kind = _kind(statuses)
        wanted = self._times.unknown_validity if kind == "unknown" else self._times.validity
        expires = min(now + wanted, responder.not_after, authority.not_after)
        if expires <= now:
            raise UnfitResponderError("the issuer's certificate has expired")
        data = responder.encoder.response_data(
            [
                _single(cert_id, status, _time(now), _time(expires))
                for cert_id, status in zip(question.cert_ids, statuses, strict=True)
            ],
            _time(now),
            question.nonce,
        )
        responder.linter.lint(data)
        signature = await self._signer.ocsp(responder.key, data)
        keys.verify(responder.public_key, signature, data)
        body = responder.encoder.response(data, signature)
        return Answer(
            self._document(body, now, expires, question),
            kind,
            since=now,
            until=now + (_UNKNOWN_KEPT if kind == "unknown" else (expires - now) / 2),
            expires=expires,
        )

    def _document(self, body: bytes, made: int, expires: int, question: Question) -> Document:
        """RFC 9919 §6.2; what answers a nonce is nobody else's (RFC 9654)."""
        if question.nonce is not None:
            return Document(body, MEDIA_TYPE, (NO_STORE,))
        max_age = min(self._times.max_age, expires - made - 1)
        return Document(
            body,
            MEDIA_TYPE,
            (
                (b"last-modified", http_date(made)),
                (b"expires", http_date(expires)),
                (
                    b"cache-control",
                    f"max-age={max_age}, public, no-transform, must-revalidate".encode(),
                ),
            ),
            etag=entity_tag(body),
        )


def _kind(statuses: Sequence[Status | None]) -> str:
    """What the answer says, of several certificates the least that is known."""
    if any(status is None for status in statuses):
        return "unknown"
    return "revoked" if all(status and status.is_revoked for status in statuses) else "good"


def _single(
    cert_id: CertID, status: Status | None, this_update: dt.datetime, next_update: dt.datetime
) -> SingleResponse:
    revoked_at = status.revoked_at if status is not None else None
    return SingleResponse(
        cert_id.raw,
        this_update,
        next_update,
        known=status is not None,
        revoked_at=None if revoked_at is None else _time(revoked_at),
        reason=status.reason if status is not None else None,
    )


def _time(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
