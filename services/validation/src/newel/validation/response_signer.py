"""Builds and signs OCSP responses, ready to send (RFC 6960 §4.2, RFC 9919 §3.2 and §6)."""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from newel.crypto import keys
from newel.crypto.ocsp import CertID, SingleResponse
from newel.runtime.clock import Clock
from newel.validation.delegation import UnusableResponderError
from newel.validation.documents import Document, cache_control, entity_tag, http_date
from newel.validation.ocsp import MEDIA_TYPE, NO_STORE, StatusRequest
from newel.validation.response_cache import CachedResponse, CertStatus
from newel.validation.status import Period, Status

_UNKNOWN_LIFETIME = 1.0  # seconds: the event that a certificate was issued may be on its way


@dataclass(frozen=True, slots=True)
class OCSPTimes:
    """Durations in seconds."""

    validity: int  # nextUpdate - thisUpdate
    unknown_validity: int  # the same for serials never issued
    max_age: int  # how long HTTP caches keep a response
    max_lag: int  # how old the comparison with the issuing authority may be


class ResponseSigner:
    """Has responses signed, and returns none whose signature does not verify."""

    def __init__(
        self,
        sign: Callable[[str, bytes], Awaitable[bytes]],
        times: OCSPTimes,
        clock: Clock,
        period: Callable[[str], Period] | None = None,
    ) -> None:
        """``sign`` returns the signature of a named key over the DER of a ResponseData.

        ``period`` says for how long the statuses of an issuer are known to be correct, by its id;
        without it they are from now on.
        """
        self._period = period
        self._sign = sign
        self._times = times
        self._clock = clock

    async def sign(
        self, request: StatusRequest, statuses: Sequence[Status | None]
    ) -> CachedResponse:
        """Sign the response to a request, given each certificate's status (None: never issued).

        Raises UnusableResponderError, LintError, NewelError when the signer is unreachable or
        refuses, InvalidSignature.
        """
        now = int(self._clock.unix())
        issuer = request.issuer
        responder = issuer.delegation.responder(now)
        status = _combine(statuses)
        unknown = status is CertStatus.UNKNOWN
        validity = self._times.unknown_validity if unknown else self._times.validity
        next_update = min(now + validity, responder.not_after, issuer.not_after)
        this_update = now
        if self._period is not None:
            this_update, until = self._period(issuer.id)
            next_update = min(next_update, until)
        if next_update <= now:
            raise UnusableResponderError("the issuer's certificate has expired")
        data = responder.encoder.response_data(
            [
                _single_response(cert_id, each, _time(this_update), _time(next_update))
                for cert_id, each in zip(request.cert_ids, statuses, strict=True)
            ],
            _time(now),
            request.nonce,
        )
        responder.linter.lint(data)
        signature = await self._sign(responder.key, data)
        keys.verify(responder.public_key, signature, data)
        body = responder.encoder.response(data, signature)
        return CachedResponse(
            self._document(body, (now, this_update, next_update), request),
            status,
            this_update=this_update,
            refresh_at=now + (_UNKNOWN_LIFETIME if unknown else (next_update - now) / 2),
            next_update=next_update,
        )

    def _document(
        self, body: bytes, times: tuple[int, int, int], request: StatusRequest
    ) -> Document:
        """Return the HTTP response of RFC 9919 §6.2; one with a nonce is not cached (RFC 9654)."""
        if request.nonce is not None:
            return Document(body, MEDIA_TYPE, (NO_STORE,))
        now, this_update, next_update = times
        max_age = min(self._times.max_age, next_update - now - 1)
        return Document(
            body,
            MEDIA_TYPE,
            (
                (b"last-modified", http_date(this_update)),
                (b"expires", http_date(next_update)),
                cache_control(max_age),
            ),
            etag=entity_tag(body),
        )


def _combine(statuses: Sequence[Status | None]) -> CertStatus:
    """Combine the statuses of several certificates: the least that is known."""
    if any(status is None for status in statuses):
        return CertStatus.UNKNOWN
    revoked = all(status and status.is_revoked for status in statuses)
    return CertStatus.REVOKED if revoked else CertStatus.GOOD


def _single_response(
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
