"""A request whose idempotency key is on record: it gets that certificate and never another."""

import asyncio
import datetime as dt
from typing import Any

from newel.issuing.assembly import SignedCertificate, certificate_octets
from newel.issuing.completion import Completion, Outcome
from newel.issuing.records import CertificateStore, Record
from newel.issuing.requests import AnyRequest
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError

_POLL_INTERVAL = 0.05  # seconds


class Retries:
    """Finds the outcome of earlier requests, and finishes those that were left behind."""

    def __init__(
        self,
        store: CertificateStore,
        completion: Completion[Any],
        clock: Clock,
        takeover_after: dt.timedelta,
    ) -> None:
        self._store = store
        self._completion = completion
        self._clock = clock
        self._takeover_after = takeover_after

    async def resolve(self, request: AnyRequest, record: Record) -> Outcome:
        """Return the outcome of the request that wrote ``record`` under the same idempotency key.

        While another replica may be working on it, wait for that one; once the intent is older than
        the limit, its process is presumed dead and the same TBSCertificate is signed here. Should
        both be alive after all, the signature stored first is the certificate.
        """
        if record.intent.key_digest != request.key_digest:
            return NewelError(
                ErrorType.CONFLICT, "the idempotency key was used with another public key"
            )
        loop = asyncio.get_running_loop()
        waiting_since = loop.time()
        while record.is_open:
            age = self._clock.now() - record.intent.created_at
            if max(age, dt.timedelta(seconds=loop.time() - waiting_since)) >= self._takeover_after:
                intent = record.intent._replace(request_id=request.request_id)
                (outcome,) = await self._completion.complete([intent], fresh=False)
                return outcome
            await asyncio.sleep(_POLL_INTERVAL)
            (found,) = await self._store.by_serial([record.intent.serial])
            record = found or record
        der = certificate_octets(record)
        if der is None:
            return NewelError(
                ErrorType.CONFLICT,
                "an earlier request with this idempotency key was given up; use a new key",
            )
        return SignedCertificate(der, record.intent.serial, record.intent.issuer)
