"""Steps 6 to 8 of issuance, for recorded intents: whoever runs them, the same certificate results.

The request that wrote an intent, a retry that found it left behind and the reconciliation all come
here. Several may at once: the signature that is stored first is the certificate, and everybody else
returns that one.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias

from newel.issuing import events
from newel.issuing.assembly import SignedCertificate, WrongSignatureError, assemble, certificate_of
from newel.issuing.faults import Faults, Step
from newel.issuing.issuers import Issuer, Issuers
from newel.issuing.records import CertificateStore, Event, Intent
from newel.issuing.trail import Trail
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError

Outcome: TypeAlias = SignedCertificate | NewelError


class Recorded(NamedTuple):
    """An intent that is in the database, and the request it is completed for."""

    intent: Intent
    request_id: str
    fresh: bool = (
        False  # recorded just now, for this very attempt: nobody can have signed it before
    )


class Signer(Protocol):
    """Where signatures come from."""

    async def sign(self, statements: Sequence[tuple[str, bytes]]) -> list[bytes | NewelError]:
        """One signature or refusal per (key name, TBSCertificate), in order."""
        ...


class Completion:
    """Has intents signed, checks the signatures, and stores them."""

    def __init__(
        self,
        store: CertificateStore,
        signer: Signer,
        issuers: Issuers,
        clock: Clock,
        trail: Trail,
        faults: Faults,
    ) -> None:
        self._store = store
        self._signer = signer
        self._issuers = issuers
        self._clock = clock
        self._trail = trail
        self._faults = faults

    async def complete(self, recorded: Sequence[Recorded]) -> list[Outcome]:
        """One certificate or refusal per intent, in order.

        A refusal of type ``unavailable`` leaves its intent open: a retry may succeed. Any other
        closed a fresh intent; an older one is left for reconciliation to end.
        """
        outcomes: dict[bytes, Outcome] = {}
        ready: list[tuple[Recorded, Issuer]] = []
        for each in recorded:
            issuer = self._issuers.get(each.intent.issuer)
            if issuer is not None:
                ready.append((each, issuer))
        # 6 signer
        answers = await self._signer.sign([(issuer.key, each.intent.tbs) for each, issuer in ready])
        self._faults.after(Step.SIGN)
        # 7 assemble, verify, compare
        signed: list[tuple[SignedCertificate, bytes, Event]] = []
        for (each, issuer), answer in zip(ready, answers, strict=True):
            if isinstance(answer, NewelError):
                outcomes[each.intent.serial] = await self._refused(each, answer)
                continue
            try:
                certificate = assemble(issuer, each.intent, answer)
            except WrongSignatureError as error:
                self._trail.badly_signed(each.intent, str(error))
                outcomes[each.intent.serial] = _unavailable(str(error))
                continue
            event = events.issued(each.intent, certificate.der, each.request_id)
            signed.append((certificate, answer, event))
        self._faults.after(Step.ASSEMBLE)
        # 8 certificate and event in one unit
        stored = await self._store.complete(
            [(certificate.serial, signature, event) for certificate, signature, event in signed]
        )
        self._faults.after(Step.STORE)
        for (certificate, _, _), won in zip(signed, stored, strict=True):
            outcomes[certificate.serial] = (
                certificate if won else await self._already(certificate.serial)
            )
        return [outcomes.get(each.intent.serial) or _NO_ISSUER for each in recorded]

    async def _refused(self, recorded: Recorded, refusal: NewelError) -> Outcome:
        """The signer refused the statement itself: it will not be signed under today's policy."""
        if refusal.type is ErrorType.UNAVAILABLE:
            return refusal
        intent = recorded.intent
        self._trail.not_signed(intent, refusal)
        if recorded.fresh:
            closed = await self._store.close(intent.serial, int(self._clock.unix()), release=True)
            if not closed:
                return await self._already(intent.serial)
        return NewelError(
            ErrorType.SERVER_INTERNAL,
            "the certificate could not be signed",
            cause=f"the signer refused: {refusal.cause}",
        )

    async def _already(self, serial: bytes) -> Outcome:
        """Somebody else completed or closed the intent meanwhile: theirs is the outcome."""
        (record,) = await self._store.by_serial([serial])
        certificate = certificate_of(record) if record else None
        if record is None or certificate is None:
            return NewelError(ErrorType.CONFLICT, "the request was given up before it was finished")
        return SignedCertificate(certificate, serial, record.intent.issuer)


def _unavailable(cause: str) -> NewelError:
    return NewelError(
        ErrorType.UNAVAILABLE, "the certificate cannot be issued now; try again later", cause=cause
    )


_NO_ISSUER = _unavailable("the issuer of the intent is not configured any more")
