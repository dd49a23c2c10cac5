"""Steps 3 to 5 of issuance: from accepted requests to recorded intents."""

from collections.abc import Sequence

from newel.issuing.building import Builder
from newel.issuing.completion import Recorded
from newel.issuing.faults import Faults, Step
from newel.issuing.records import CertificateStore
from newel.issuing.requests import AcceptedRequest
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError

_ROUNDS = 3  # a second equal serial out of 96 random bits is a broken generator, not bad luck

_KNOWN = NewelError(ErrorType.CONFLICT, "the idempotency key is in use")
_BLOCKED = NewelError(ErrorType.BAD_PUBLIC_KEY, "this public key must not be certified any more")
_REVOKED = NewelError(ErrorType.UNAUTHORIZED, "the certificate is revoked")
_NO_SERIAL = NewelError(
    ErrorType.SERVER_INTERNAL,
    "no serial number could be reserved",
    cause=f"{_ROUNDS} serial numbers in a row were taken: check the random generator",
)


class Recorder:
    """Builds certificates and records them as intents; nothing is signed that is not recorded."""

    def __init__(
        self, builder: Builder, store: CertificateStore, clock: Clock, faults: Faults
    ) -> None:
        self._builder = builder
        self._store = store
        self._clock = clock
        self._faults = faults

    async def record(self, accepted: Sequence[AcceptedRequest]) -> list[Recorded | NewelError]:
        """The recorded intent or the refusal of each, in order; ``conflict`` where the idempotency
        key is on record already.
        """
        results: list[Recorded | NewelError] = [_NO_SERIAL] * len(accepted)
        left = list(range(len(accepted)))
        for _ in range(_ROUNDS):
            if left:
                left = await self._round(accepted, left, results)
        return results

    async def _round(
        self,
        accepted: Sequence[AcceptedRequest],
        left: Sequence[int],
        results: list[Recorded | NewelError],
    ) -> list[int]:
        """One try for those left; the indices of the ones that only met a serial in use."""
        # 3 a serial
        now = self._clock.unix()
        drawn = [(at, self._builder.serial(now)) for at in left]
        self._faults.after(Step.SERIAL)
        # 4 build, lint, key quality
        built: list[tuple[int, Recorded]] = []
        for at, serial in drawn:
            try:
                intent = self._builder.build(accepted[at], serial)
            except NewelError as error:
                results[at] = error
            else:
                built.append((at, Recorded(intent, accepted[at].request_id, fresh=True)))
        self._faults.after(Step.BUILD)
        # 5 the intent is stored; with it 3 is decided, and 1
        won = await self._store.reserve([each.intent for _, each in built])
        self._faults.after(Step.INTENT)
        unlucky: list[int] = []
        for (at, each), ok in zip(built, won, strict=True):
            if ok:
                results[at] = each
            elif (refusal := await self._why_not(accepted[at])) is not None:
                results[at] = refusal
            else:
                unlucky.append(at)
        return unlucky

    async def _why_not(self, accepted: AcceptedRequest) -> NewelError | None:
        """Why an intent could not be recorded; None when only its serial was in use."""
        if (await self._store.by_key([accepted.idempotency_key]))[0] is not None:
            return _KNOWN
        if await self._store.is_blocked(accepted.key_digest):
            return _BLOCKED
        if accepted.renewed_from is not None:
            (renewed,) = await self._store.by_serial([accepted.renewed_from])
            if renewed is not None and renewed.revocation is not None:
                return _REVOKED
        return None
