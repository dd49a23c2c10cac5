"""Answers OCSP requests (RFC 6960, RFC 9919, RFC 9654).

The hot path is :meth:`Responder.hit`: memory only. What it does not find costs one look into our
own database and one signature; concurrent requests share the call to the signer.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from newel.crypto import serials
from newel.crypto.keys import InvalidSignature
from newel.crypto.lint import LintError
from newel.crypto.ocsp import CertID
from newel.runtime.clock import AHEAD, Clock, is_future
from newel.runtime.errors import NewelError
from newel.validation.answers import Answer, AnswerCache
from newel.validation.attestation import Attestor, OcspTimes
from newel.validation.authorities import Authorities, Authority
from newel.validation.delegation import UnfitResponderError
from newel.validation.documents import Document
from newel.validation.metrics import Metrics
from newel.validation.ocsp import (
    INTERNAL_ERROR,
    TRY_LATER,
    Question,
    RefusedError,
    Unsigned,
    understand,
)
from newel.validation.status import CertificateKey, Status, StatusReader, canonical_serial

_log = logging.getLogger("newel.validation.responder")

_NEW = 5.0  # seconds
_TRIES, _BETWEEN_TRIES = 20, 0.05
_MOST_PATIENT = 64
_RETRY_AFTER = 5.0  # seconds a kept answer goes on when it cannot be made anew
# why an answer could not be signed
_UNSIGNED = (NewelError, InvalidSignature, LintError, UnfitResponderError)


class Knowledge(Protocol):
    """How old what we know may be."""

    @property
    def agreed(self) -> int:
        """When the store last agreed with the issuing authority; seconds since 1970."""
        ...


class Responder:
    """Answers for every authority it was given."""

    def __init__(
        self, authorities: Authorities, times: OcspTimes, store: StatusReader, attestor: Attestor,
        cache: AnswerCache, knowledge: Knowledge, clock: Clock, metrics: Metrics, max_waiting: int,
    ) -> None:  # fmt: skip
        self._authorities = authorities
        self._times = times
        self._store = store
        self._attestor = attestor
        self._cache = cache
        self._knowledge = knowledge
        self._clock = clock
        self._metrics = metrics
        self._tally = metrics.answers
        self._free = max_waiting
        self._patient = 0

    def hit(self, request: bytes) -> Document | None:
        """The kept answer to exactly these octets (a POST body, or the raw path of a GET)."""
        answer = self._cache.hit(request)
        if answer is None or not self._is_fresh(answer):
            return None
        self._tally[answer.kind] += 1
        return answer.document

    async def answer(self, octets: bytes, candidates: Sequence[bytes]) -> Document:
        """The answer to a request that :meth:`hit` does not know.

        ``octets`` are those the next such request will be recognised by; ``candidates`` what it may
        mean, most often one. Never raises: what goes wrong is said by an OCSP error.
        """
        if not self._free:
            return self._refuse(TRY_LATER)
        self._free -= 1
        try:
            answer = await self._answer(understand(self._authorities, candidates), octets)
        except RefusedError as refused:
            return self._refuse(refused.unsigned)
        except _UNSIGNED as failure:
            _log.warning("an OCSP answer could not be signed: %s", _cause(failure))
            return self._refuse(TRY_LATER)
        except Exception:  # noqa: BLE001 - whatever it was, clients only read OCSP
            _log.exception("an OCSP request could not be answered")
            return self._refuse(INTERNAL_ERROR)
        finally:
            self._free += 1
        self._tally[answer.kind] += 1
        return answer.document

    def _refuse(self, unsigned: Unsigned) -> Document:
        self._tally[unsigned.answer] += 1
        return unsigned.document

    async def _answer(self, question: Question, octets: bytes) -> Answer:
        if not question.is_plain:
            return await self._made(question)
        cert_id = question.cert_ids[0]
        key = _key(question.authority, cert_id)
        answer = self._cache.find(key, cert_id.algorithm)
        if answer is None or not self._is_fresh(answer):
            answer = await self._anew(question, answer)
            self._cache.put(key, cert_id.algorithm, answer)
        self._cache.remember(octets, key, cert_id.algorithm)
        return answer

    async def _anew(self, question: Question, kept: Answer | None) -> Answer:
        """Made anew; failing that, what is kept, as long as it may still be shown."""
        try:
            return await self._made(question)
        except _UNSIGNED as failure:
            now = self._clock.unix()
            last = kept.expires - self._times.max_age if kept is not None else 0
            if kept is None or now >= last or not self._is_true(kept, now):
                raise
            if is_future(kept.since, now):
                raise
            _log.warning(
                "an older OCSP answer stays in use, because no new one could be made: %s",
                _cause(failure),
            )
            kept.until = min(now + _RETRY_AFTER, last)
            return kept

    async def _made(self, question: Question) -> Answer:
        """Signed from statuses that no purge has overtaken meanwhile.

        A purge says that something changed, here or in another worker. Whoever read a status before
        it and would keep the answer after it, could keep a ``good`` for ever.
        """
        keys = [_key(question.authority, cert_id) for cert_id in question.cert_ids]
        signed_for: list[Status | None] = []
        answer: Answer | None = None
        while True:
            purges = self._cache.purges
            statuses = await self._statuses(keys)
            if answer is None or statuses != signed_for:
                answer = await self._attestor.attest(question, statuses)
                signed_for = statuses
                self._metrics.signed.inc()
            if self._cache.purges == purges:
                break
        if not self._is_true(answer, self._clock.unix()):
            raise RefusedError(TRY_LATER)
        return answer

    async def _statuses(self, keys: Sequence[CertificateKey]) -> list[Status | None]:
        """What is known; a serial that says it was made this moment gets a second to be heard of.

        A client that asks right after it got its certificate would else be told ``unknown``. Anybody
        can make up such a serial, so only a few may wait.
        """
        tries = _TRIES if self._patient < _MOST_PATIENT else 1
        self._patient += 1
        try:
            while True:
                statuses = [await self._store.status(key) for key in keys]
                tries -= 1
                if not tries or all(
                    status is not None or not self._is_new(key)
                    for status, key in zip(statuses, keys, strict=True)
                ):
                    return statuses
                await asyncio.sleep(_BETWEEN_TRIES)
        finally:
            self._patient -= 1

    def _is_new(self, key: CertificateKey) -> bool:
        return abs(self._clock.unix() - serials.made_at(key.serial)) < _NEW

    def _is_fresh(self, answer: Answer) -> bool:
        now = self._clock.unix()
        return answer.since - AHEAD <= now < answer.until and self._is_true(answer, now)

    def _is_true(self, answer: Answer, now: float) -> bool:
        """Revoked stays revoked; anything else only holds while we hear of revocations."""
        agreed = self._knowledge.agreed
        return answer.kind == "revoked" or agreed - AHEAD <= now < agreed + self._times.max_lag


def _key(authority: Authority, cert_id: CertID) -> CertificateKey:
    return CertificateKey(authority.id, canonical_serial(cert_id.serial))


def _cause(failure: Exception) -> str:
    return failure.cause if isinstance(failure, NewelError) else repr(failure)
