"""Steps 3 to 5 of issuance: from accepted requests to recorded intents."""

from collections.abc import Sequence
from typing import Generic, Protocol

from newel.issuing.faults import Faults, Step
from newel.issuing.records import CertificateStore, Intent
from newel.issuing.requests import AcceptedT, AcceptedT_contra
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError

_ATTEMPTS = 3  # a second equal serial out of 96 random bits is a broken generator, not bad luck

_KEY_IN_USE = NewelError(ErrorType.CONFLICT, "the idempotency key is in use")
_BLOCKED = NewelError(
    ErrorType.BAD_PUBLIC_KEY,
    "this public key must not be certified any more: make another key",
    compromised_key=True,
)
_REVOKED = NewelError(ErrorType.UNAUTHORIZED, "the certificate is revoked")
_PROOF_BLOCKED = NewelError(
    ErrorType.UNAUTHORIZED,
    "the key of the certificate was declared compromised",
    compromised_key=True,
)
_NO_SERIAL = NewelError(
    ErrorType.SERVER_INTERNAL,
    "no serial number could be reserved",
    cause=f"{_ATTEMPTS} serial numbers in a row were taken: check the random generator",
)


class StatementBuilder(Protocol[AcceptedT_contra]):
    """Builds what is to be signed."""

    def draw_serial(self, now: float) -> bytes:
        """Draw a serial number that is new in all likelihood; the database makes sure."""
        ...

    def build(self, request: AcceptedT_contra, serial: bytes) -> Intent:
        """Build and lint the statement. Raises NewelError."""
        ...


class Recorder(Generic[AcceptedT]):
    """Builds certificates and records them as intents; nothing is signed that is not recorded."""

    def __init__(
        self,
        builder: StatementBuilder[AcceptedT],
        store: CertificateStore,
        clock: Clock,
        faults: Faults,
    ) -> None:
        self._builder = builder
        self._store = store
        self._clock = clock
        self._faults = faults

    async def record(self, requests: Sequence[AcceptedT]) -> list[Intent | NewelError]:
        """Record an intent for each request and return the intents or errors, in order.

        The error is ``conflict`` where the idempotency key is on record already.
        """
        results: list[Intent | NewelError] = [_NO_SERIAL] * len(requests)
        pending = list(range(len(requests)))
        for _ in range(_ATTEMPTS):
            if pending:
                pending = await self._attempt(requests, pending, results)
        return results

    async def _attempt(
        self,
        requests: Sequence[AcceptedT],
        pending: Sequence[int],
        results: list[Intent | NewelError],
    ) -> list[int]:
        """Try the pending ones once; return the indices of those that only met a serial in use."""
        # 3 a serial
        now = self._clock.unix()
        serials = [(index, self._builder.draw_serial(now)) for index in pending]
        self._faults.after(Step.SERIAL)
        # 4 build, lint, key quality
        built: list[tuple[int, Intent]] = []
        for index, serial in serials:
            try:
                built.append((index, self._builder.build(requests[index], serial)))
            except NewelError as error:
                results[index] = error
        self._faults.after(Step.BUILD)
        # 5 the intent is stored; that decides steps 3 and 1, too
        stored = await self._store.reserve([intent for _, intent in built])
        self._faults.after(Step.INTENT)
        collided: list[int] = []
        for (index, intent), ok in zip(built, stored, strict=True):
            if ok:
                results[index] = intent
            elif (refusal := await self._explain(requests[index])) is not None:
                results[index] = refusal
            else:
                collided.append(index)
        return collided

    async def _explain(self, request: AcceptedT) -> NewelError | None:
        """Say why an intent could not be recorded; None when only its serial was in use."""
        if (await self._store.by_key([request.idempotency_key]))[0] is not None:
            return _KEY_IN_USE
        if await self._store.is_blocked(request.key_digest):
            return _BLOCKED
        if request.renewed_from is not None:
            (renewed,) = await self._store.by_serial([request.renewed_from])
            if renewed is not None and renewed.revocation is not None:
                return _REVOKED
            if renewed is not None and await self._store.is_blocked(renewed.intent.key_digest):
                return _PROOF_BLOCKED
        return None
