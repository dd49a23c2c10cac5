"""Issuance, in nine numbered steps, for many requests at once.

1. same idempotency key → the same certificate      6. the signer signs what was recorded
2. profile and issuer                               7. assemble, verify, compare
3. a serial, reserved by a unique insert            8. certificate and event in one transaction
4. build, lint, key quality                         9. the certificate is returned
5. the intent is stored

One insert decides 1, 3 and 5 together: it fails where a row has the same key or serial, and then
that row is looked up. A crash after it leaves an intent that a retry finishes with the very same
TBSCertificate, and a crash before it leaves nothing. Step 2 is ``admission.py``, 3 to 5 are
``recording.py``, 6 to 8 ``completion.py``.
"""

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from newel.issuing.completion import Completion, Outcome
from newel.issuing.decisions import AuditTrail, Decision, Operation, Result
from newel.issuing.faults import Faults, Step
from newel.issuing.recording import Recorder
from newel.issuing.records import CertificateStore, Intent
from newel.issuing.requests import (
    AcceptedT,
    AcceptedT_co,
    AnyRequest,
    RefusedRequest,
    RequestIdentity,
)
from newel.issuing.retries import Retries
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError

_INTERRUPTED = NewelError(ErrorType.UNAVAILABLE, "the request was interrupted; try again later")


RequestT = TypeVar("RequestT")
RequestT_contra = TypeVar("RequestT_contra", contravariant=True)


class Admission(Protocol[RequestT_contra, AcceptedT_co]):
    """Step 2 for one kind of certificate."""

    def decide(self, request: RequestT_contra, now: dt.datetime) -> AcceptedT_co | RefusedRequest:
        """Accept or refuse a request."""
        ...


class Issuance(Generic[RequestT, AcceptedT]):
    """Issues certificates: at most one for each idempotency key, in this and every other replica."""

    def __init__(
        self,
        admission: Admission[RequestT, AcceptedT],
        recorder: Recorder[AcceptedT],
        completion: Completion[Any],
        retries: Retries,
        store: CertificateStore,
        clock: Clock,
        trail: AuditTrail,
        faults: Faults,
        operation: Operation = Operation.ISSUE,
    ) -> None:
        self._operation = operation
        self._admission = admission
        self._recorder = recorder
        self._completion = completion
        self._retries = retries
        self._store = store
        self._clock = clock
        self._trail = trail
        self._faults = faults
        self._in_progress: dict[RequestIdentity, asyncio.Future[Outcome]] = {}

    async def issue(self, requests: Sequence[RequestT | RefusedRequest]) -> list[Outcome]:
        """Issue a certificate for each request; return certificates and errors in order."""
        now = self._clock.now()
        # 2 profile and issuer
        decided = [
            each if isinstance(each, RefusedRequest) else self._admission.decide(each, now)
            for each in requests
        ]
        self._faults.after(Step.PROFILE)
        return await self.carry_out(decided)

    async def carry_out(self, requests: Sequence[AcceptedT | RefusedRequest]) -> list[Outcome]:
        """Run steps 1 and 3 to 9 for requests that have passed step 2, or failed it.

        All are refused while the audit trail cannot be written.
        """
        try:
            self._trail.require_writable()
        except NewelError as error:
            self._audit(requests, [error] * len(requests))
            return [error] * len(requests)
        # 1 wait for a request that is in progress in this process, or earlier in this list
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Outcome]] = []
        first: list[AcceptedT | RefusedRequest] = []
        for request in requests:
            future = self._in_progress.get(request.identity)
            if future is None:
                future = self._in_progress[request.identity] = loop.create_future()
                first.append(request)
            futures.append(future)
        self._faults.after(Step.KNOWN)
        outcomes: Sequence[Outcome] = [_INTERRUPTED] * len(first)
        try:
            outcomes = await self._settle(first)
        finally:
            for request, outcome in zip(first, outcomes, strict=True):
                self._in_progress.pop(request.identity).set_result(outcome)
        # 9 the certificates are returned
        results = [await asyncio.shield(future) for future in futures]
        self._faults.after(Step.ANSWER)
        return results

    async def _settle(self, requests: Sequence[AcceptedT | RefusedRequest]) -> list[Outcome]:
        """Run steps 1 and 3 to 8. No two of the requests have the same identity."""
        refused = {
            each.identity: each.error for each in requests if isinstance(each, RefusedRequest)
        }
        accepted = {
            each.identity: each for each in requests if not isinstance(each, RefusedRequest)
        }
        # 3 to 5 record the intents of accepted requests
        recorded = await self._recorder.record(list(accepted.values()))
        intents: dict[RequestIdentity, Intent] = {}
        for identity, result in zip(accepted, recorded, strict=True):
            if isinstance(result, NewelError):
                refused[identity] = result
            else:
                intents[identity] = result
        # 6 to 8 complete what was recorded
        completed = await self._completion.complete(list(intents.values()), fresh=True)
        outcomes = dict(zip(intents, completed, strict=True))
        # 1 what could not be recorded may be on record: its key keeps the certificate it has
        if refused:
            late = [each for each in requests if each.identity in refused]
            found = await asyncio.gather(
                *[self._find_earlier(each, refused[each.identity]) for each in late]
            )
            outcomes.update(zip([each.identity for each in late], found, strict=True))
        ordered = [outcomes[each.identity] for each in requests]
        self._audit(requests, ordered)
        return ordered

    async def _find_earlier(self, request: AnyRequest, error: NewelError) -> Outcome:
        """Return the outcome of the earlier request under the same key, the error if there was none.

        It counts even where the same request would be refused today.
        """
        (record,) = await self._store.by_key([request.idempotency_key])
        return error if record is None else await self._retries.resolve(request, record)

    def _audit(self, requests: Sequence[AnyRequest], outcomes: Sequence[Outcome]) -> None:
        self._trail.record(
            [
                _decision(self._operation, outcome, request.request_id)
                for request, outcome in zip(requests, outcomes, strict=True)
            ]
        )


def _decision(operation: Operation, outcome: Outcome, request_id: str) -> Decision:
    if isinstance(outcome, NewelError):
        return Decision.refuse(operation, outcome, request_id=request_id)
    facts = {"serial": outcome.serial.hex(), "issuer": outcome.issuer, "request_id": request_id}
    return Decision(operation, Result.GRANTED, facts)
