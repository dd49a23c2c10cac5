"""Issuance, in nine numbered steps, for many requests at once.

1. same idempotency key → the same certificate      6. the signer signs what was recorded
2. profile and issuer                               7. assemble, verify, compare
3. a serial, reserved by a unique insert            8. certificate and event in one transaction
4. build, lint, key quality                         9. the certificate is returned
5. the intent is stored

One insert decides 1, 3 and 5 together: it loses against a row that has the same key or serial, and
what lost is looked up. So a crash after it leaves an intent that a retry finishes with the very same
TBSCertificate, and a crash before it leaves nothing. Step 2 is ``requests.py``, 3 to 5 are
``recording.py``, 6 to 8 ``completion.py``.
"""

import asyncio
from collections.abc import Sequence

from newel.issuing.completion import Completion, Outcome, Recorded
from newel.issuing.faults import Faults, Step
from newel.issuing.recording import Recorder
from newel.issuing.records import CertificateStore
from newel.issuing.requests import AcceptedRequest, Admission, Attempt
from newel.issuing.retries import Retries
from newel.issuing.trail import Trail
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError

_INTERRUPTED = NewelError(ErrorType.UNAVAILABLE, "the request was interrupted; try again later")


class Issuance:
    """Issues certificates: at most one for each idempotency key, here and in every replica."""

    def __init__(
        self,
        admission: Admission,
        recorder: Recorder,
        completion: Completion,
        retries: Retries,
        store: CertificateStore,
        clock: Clock,
        trail: Trail,
        faults: Faults,
    ) -> None:
        self._admission = admission
        self._recorder = recorder
        self._completion = completion
        self._retries = retries
        self._store = store
        self._clock = clock
        self._trail = trail
        self._faults = faults
        self._under_way: dict[tuple[bytes, bytes], asyncio.Future[Outcome]] = {}

    async def issue(self, requests: Sequence[pb.Request]) -> list[Outcome]:
        """One certificate or refusal per request, in order."""
        now = self._clock.now()
        # 2 profile and issuer
        attempts = [self._admission.attempt(request, now) for request in requests]
        self._faults.after(Step.PROFILE)
        return await self.carry_out(attempts)

    async def carry_out(self, attempts: Sequence[Attempt]) -> list[Outcome]:
        """Steps 1 and 3 to 9, for attempts whose profile and issuer are decided; all are refused while
        the audit trail cannot be written.
        """
        try:
            self._trail.require_writable()
        except NewelError as refusal:
            self._tell(attempts, [refusal] * len(attempts))
            return [refusal] * len(attempts)
        # 1 an attempt that is under way in this process is waited for, also one of the same list
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Outcome]] = []
        mine: list[Attempt] = []
        for attempt in attempts:
            future = self._under_way.get(attempt.identity)
            if future is None:
                future = self._under_way[attempt.identity] = loop.create_future()
                mine.append(attempt)
            futures.append(future)
        self._faults.after(Step.KNOWN)
        outcomes: Sequence[Outcome] = [_INTERRUPTED] * len(mine)
        try:
            outcomes = await self._settle(mine)
        finally:
            for attempt, outcome in zip(mine, outcomes, strict=True):
                self._under_way.pop(attempt.identity).set_result(outcome)
        # 9 the certificates are returned
        results = [await asyncio.shield(future) for future in futures]
        self._faults.after(Step.ANSWER)
        return results

    async def _settle(self, attempts: Sequence[Attempt]) -> list[Outcome]:
        accepted = [
            each.accepted for each in attempts if isinstance(each.accepted, AcceptedRequest)
        ]
        # 3 to 5, then 6 to 8
        recorded = iter(await self._recorder.record(accepted))
        results = [
            each.accepted if isinstance(each.accepted, NewelError) else next(recorded)
            for each in attempts
        ]
        completed = iter(
            await self._completion.complete(
                [each for each in results if isinstance(each, Recorded)]
            )
        )
        # 1 what could not be recorded may be on record: its key keeps the certificate it has
        others = iter(
            await asyncio.gather(
                *[
                    self._known(attempt, result)
                    for attempt, result in zip(attempts, results, strict=True)
                    if isinstance(result, NewelError)
                ]
            )
        )
        outcomes = [
            next(completed if isinstance(result, Recorded) else others) for result in results
        ]
        self._tell(attempts, outcomes)
        return outcomes

    async def _known(self, attempt: Attempt, refusal: NewelError) -> Outcome:
        """The outcome of the earlier attempt under the same key, even where the same request would be
        refused today; the refusal where there was none.
        """
        (record,) = await self._store.by_key([attempt.key])
        return refusal if record is None else await self._retries.resolve(attempt, record)

    def _tell(self, attempts: Sequence[Attempt], outcomes: Sequence[Outcome]) -> None:
        granted = 0
        for attempt, outcome in zip(attempts, outcomes, strict=True):
            if isinstance(outcome, NewelError):
                self._trail.not_issued(outcome, attempt.request_id)
            else:
                self._trail.issued(outcome.serial, outcome.issuer, attempt.request_id)
                granted += 1
        self._trail.count_issued(granted)
