"""Answers OCSP requests (RFC 6960, RFC 9919, RFC 9654).

The hot path is :meth:`Responder.hit`: memory only. Any other request costs one look-up in the
service's own database and one signature; concurrent requests share the call to the signer.
"""

import asyncio
import logging
from collections.abc import Sequence

from newel.crypto import serials
from newel.crypto.keys import InvalidSignature
from newel.crypto.lint import LintError
from newel.crypto.ocsp import CertID
from newel.runtime.clock import AHEAD, Clock, is_future
from newel.runtime.errors import NewelError
from newel.validation.delegation import UnusableResponderError
from newel.validation.documents import Document
from newel.validation.issuers import Issuer, Issuers
from newel.validation.metrics import Metrics
from newel.validation.ocsp import (
    INTERNAL_ERROR,
    TRY_LATER,
    RefusedError,
    StatusRequest,
    UnsignedResponse,
    parse_requests,
)
from newel.validation.response_cache import CachedResponse, CertStatus, ResponseCache
from newel.validation.response_signer import OCSPTimes, ResponseSigner
from newel.validation.status import (
    CertificateKey,
    Freshness,
    Status,
    StatusReader,
    canonical_serial,
)

_log = logging.getLogger("newel.validation.responder")

_NEW = 5.0  # seconds since a serial was drawn
_ATTEMPTS, _PAUSE = 20, 0.05  # look-ups of a new serial, and seconds between them
_MAX_WAITING_FOR_NEW = 64
_RETRY_AFTER = 5.0  # seconds that a stored response stays in use when it cannot be signed again
# why a response could not be signed
_SIGNING_ERRORS = (NewelError, InvalidSignature, LintError, UnusableResponderError)


class Responder:
    """Answers for every issuer that it was given."""

    def __init__(
        self,
        issuers: Issuers,
        times: OCSPTimes,
        store: StatusReader,
        signer: ResponseSigner,
        cache: ResponseCache,
        freshness: Freshness,
        clock: Clock,
        metrics: Metrics,
        max_waiting: int,
    ) -> None:
        self._issuers = issuers
        self._times = times
        self._store = store
        self._signer = signer
        self._cache = cache
        self._freshness = freshness
        self._clock = clock
        self._metrics = metrics
        self._tally = metrics.answers
        self._free = max_waiting
        self._waiting_for_new = 0

    def hit(self, request: bytes) -> Document | None:
        """Return the stored response to exactly these octets (a POST body, or a GET's raw path)."""
        response = self._cache.hit(request)
        if response is None or not self._is_fresh(response):
            return None
        self._tally[response.status] += 1
        return response.document

    async def answer(self, octets: bytes, candidates: Sequence[bytes]) -> Document:
        """Answer a request that :meth:`hit` does not know.

        The next such request will be recognized by ``octets``; ``candidates`` are the DER requests
        that it may mean, most often one. Never raises: errors are OCSP responses, too.
        """
        if not self._free:
            return self._refuse(TRY_LATER)
        self._free -= 1
        try:
            response = await self._respond(parse_requests(self._issuers, candidates), octets)
        except RefusedError as refused:
            return self._refuse(refused.response)
        except _SIGNING_ERRORS as error:
            _log.warning("an OCSP response could not be signed: %s", _cause(error))
            return self._refuse(TRY_LATER)
        except Exception:  # noqa: BLE001 - whatever it was, clients only read OCSP
            _log.exception("an OCSP request could not be answered")
            return self._refuse(INTERNAL_ERROR)
        finally:
            self._free += 1
        self._tally[response.status] += 1
        return response.document

    def _refuse(self, response: UnsignedResponse) -> Document:
        self._tally[response.name] += 1
        return response.document

    async def _respond(self, request: StatusRequest, octets: bytes) -> CachedResponse:
        if not request.is_cacheable:
            return await self._sign_fresh(request)
        cert_id = request.cert_ids[0]
        key = _key(request.issuer, cert_id)
        response = self._cache.find(key, cert_id.algorithm)
        if response is None or not self._is_fresh(response):
            response = await self._refresh(request, response)
            self._cache.put(key, cert_id.algorithm, response)
        self._cache.remember(octets, key, cert_id.algorithm)
        return response

    async def _refresh(
        self, request: StatusRequest, stored: CachedResponse | None
    ) -> CachedResponse:
        """Sign a fresh response; if that fails, return the stored one while it is valid."""
        try:
            return await self._sign_fresh(request)
        except _SIGNING_ERRORS as error:
            now = self._clock.unix()
            last = stored.next_update - self._times.max_age if stored is not None else 0
            if stored is None or now >= last or not self._is_true(stored, now):
                raise
            if is_future(stored.this_update, now):
                raise
            _log.warning(
                "an older OCSP response stays in use, because no new one could be signed: %s",
                _cause(error),
            )
            stored.refresh_at = min(now + _RETRY_AFTER, last)
            return stored

    async def _sign_fresh(self, request: StatusRequest) -> CachedResponse:
        """Sign a response from statuses that no purge has overtaken meanwhile.

        A purge says that something changed, here or in another worker. A status that was read before
        it must not be stored after it: it could stay ``good`` until it expires.
        """
        keys = [_key(request.issuer, cert_id) for cert_id in request.cert_ids]
        signed_for: list[Status | None] = []
        response: CachedResponse | None = None
        while True:
            purges = self._cache.purges
            statuses = await self._read_statuses(keys)
            if response is None or statuses != signed_for:
                response = await self._signer.sign(request, statuses)
                signed_for = statuses
                self._metrics.signed.inc()
            if self._cache.purges == purges:
                break
        if not self._is_true(response, self._clock.unix()):
            raise RefusedError(TRY_LATER)
        return response

    async def _read_statuses(self, keys: Sequence[CertificateKey]) -> list[Status | None]:
        """Read statuses, waiting up to a second for the event of a serial drawn just now.

        Without it, a client that asks right after it got its certificate would be told ``unknown``.
        Such a serial is easily made up, so only a few requests may wait.
        """
        attempts = _ATTEMPTS if self._waiting_for_new < _MAX_WAITING_FOR_NEW else 1
        self._waiting_for_new += 1
        try:
            while True:
                statuses = [await self._store.status(key) for key in keys]
                attempts -= 1
                if not attempts or all(
                    status is not None or not self._is_new(key)
                    for status, key in zip(statuses, keys, strict=True)
                ):
                    return statuses
                await asyncio.sleep(_PAUSE)
        finally:
            self._waiting_for_new -= 1

    def _is_new(self, key: CertificateKey) -> bool:
        return abs(self._clock.unix() - serials.creation_time(key.serial)) < _NEW

    def _is_fresh(self, response: CachedResponse) -> bool:
        now = self._clock.unix()
        return response.this_update - AHEAD <= now < response.refresh_at and self._is_true(
            response, now
        )

    def _is_true(self, response: CachedResponse, now: float) -> bool:
        """Whether it still holds: a revocation does, anything else only while revocations arrive."""
        if response.status is CertStatus.REVOKED:
            return True
        agreed = self._freshness.agreed
        return agreed - AHEAD <= now < agreed + self._times.max_lag


def _key(issuer: Issuer, cert_id: CertID) -> CertificateKey:
    return CertificateKey(issuer.id, canonical_serial(cert_id.serial))


def _cause(error: Exception) -> str:
    return error.cause if isinstance(error, NewelError) else repr(error)
