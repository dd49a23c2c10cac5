"""A request whose idempotency key is on record: it gets that certificate and never another."""

import asyncio
import datetime as dt

from newel.issuing.assembly import SignedCertificate, certificate_of
from newel.issuing.completion import Completion, Outcome, Recorded
from newel.issuing.records import CertificateStore, Record
from newel.issuing.requests import Attempt
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError

_LOOK_EVERY = 0.05  # seconds


class Retries:
    """Finds out what became of earlier attempts, and finishes those left behind."""

    def __init__(
        self,
        store: CertificateStore,
        completion: Completion,
        clock: Clock,
        takeover_after: dt.timedelta,
    ) -> None:
        self._store = store
        self._completion = completion
        self._clock = clock
        self._takeover_after = takeover_after.total_seconds()

    async def resolve(self, attempt: Attempt, record: Record) -> Outcome:
        """The outcome of the attempt that wrote ``record`` under the same idempotency key.

        While another replica may be at work on it, that one is waited for; when the intent is older
        than the limit its process is taken for dead and the same TBSCertificate is signed here.
        Should both be alive after all, the signature stored first is the certificate.
        """
        if record.intent.key_digest != attempt.key_digest:
            return NewelError(
                ErrorType.CONFLICT, "the idempotency key was used with another public key"
            )
        loop = asyncio.get_running_loop()
        waited_since = loop.time()
        while record.open:
            age = max(self._clock.unix() - record.intent.created_at, loop.time() - waited_since)
            if age >= self._takeover_after:
                recorded = Recorded(record.intent, attempt.request_id)
                (outcome,) = await self._completion.complete([recorded])
                return outcome
            await asyncio.sleep(_LOOK_EVERY)
            (found,) = await self._store.by_serial([record.intent.serial])
            record = found or record
        certificate = certificate_of(record)
        if certificate is None:
            return NewelError(
                ErrorType.CONFLICT,
                "an earlier attempt with this idempotency key was given up; use a new one",
            )
        return SignedCertificate(certificate, record.intent.serial, record.intent.issuer)
