"""Steps 6 to 8 of issuance, for recorded intents: any process that runs them gets the same certificate.

The request that wrote an intent, a retry that found it left behind and reconciliation all come
here, possibly at the same time. The signature that is stored first is the certificate, and the
others return that one.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeAlias, TypeVar

from newel.issuing.assembly import SignedCertificate, WrongSignatureError, certificate_octets
from newel.issuing.decisions import AuditTrail, Decision, Operation, Result
from newel.issuing.faults import Faults, Step
from newel.issuing.records import CertificateStore, Intent, SignedIntent
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError

Outcome: TypeAlias = SignedCertificate | NewelError

Sign: TypeAlias = Callable[[Sequence[tuple[str, bytes]]], Awaitable[Sequence[bytes | NewelError]]]
"""Returns one signature or error per (key name, statement), in order."""


class SigningIssuer(Protocol):
    """An issuer, as far as its intents are completed."""

    @property
    def key(self) -> str:
        """The signer's name for its key."""
        ...

    @property
    def active(self) -> bool:
        """Whether it issues."""
        ...


IssuerT = TypeVar("IssuerT", bound=SigningIssuer)
IssuerT_co = TypeVar("IssuerT_co", bound=SigningIssuer, covariant=True)


class IssuerRegistry(Protocol[IssuerT_co]):
    """The configured issuers."""

    def get(self, id: str) -> IssuerT_co | None:  # noqa: A002 - the contract's name
        """Return the issuer with this id, if it is configured."""
        ...


Assemble: TypeAlias = Callable[[IssuerT, Intent, bytes], bytes]
"""Makes the certificate of an intent and its signature. Raises WrongSignatureError."""


class Completion(Generic[IssuerT]):
    """Has intents signed, checks the signatures, and stores them."""

    def __init__(
        self,
        store: CertificateStore,
        sign: Sign,
        issuers: IssuerRegistry[IssuerT],
        assemble: Assemble[IssuerT],
        clock: Clock,
        trail: AuditTrail,
        faults: Faults,
    ) -> None:
        self._store = store
        self._sign = sign
        self._issuers = issuers
        self._assemble = assemble
        self._clock = clock
        self._trail = trail
        self._faults = faults

    async def complete(self, intents: Sequence[Intent], *, fresh: bool) -> list[Outcome]:
        """Complete intents and return a certificate or error for each, in order.

        ``fresh`` intents were recorded just now by this process, so that no other can have had them
        signed. The error ``unavailable`` leaves an intent open: a retry may succeed. Any other
        closes a fresh intent; an older one is left to reconciliation.
        """
        outcomes: dict[bytes, Outcome] = {}
        ready: list[tuple[Intent, IssuerT]] = []
        for intent in intents:
            issuer = self._issuers.get(intent.issuer)
            if issuer is None:
                outcomes[intent.serial] = _NO_ISSUER
            else:
                ready.append((intent, issuer))
        # 6 the signer signs
        answers = await self._sign([(issuer.key, intent.tbs) for intent, issuer in ready])
        self._faults.after(Step.SIGN)
        # 7 assemble, verify, compare
        signed: list[SignedIntent] = []
        for (intent, issuer), answer in zip(ready, answers, strict=True):
            if isinstance(answer, NewelError):
                outcomes[intent.serial] = await self._handle_refusal(intent, answer, fresh=fresh)
                continue
            try:
                signed.append(SignedIntent(intent, answer, self._assemble(issuer, intent, answer)))
            except WrongSignatureError as error:
                facts = {"serial": intent.serial.hex(), "cause": str(error)}
                self._trail.record([Decision(Operation.SIGN, Result.INVALID, facts)])
                outcomes[intent.serial] = _unavailable(str(error))
        self._faults.after(Step.ASSEMBLE)
        # 8 certificate and event in one transaction
        stored = await self._store.complete(signed)
        self._faults.after(Step.STORE)
        for (intent, _, der), first in zip(signed, stored, strict=True):
            outcomes[intent.serial] = (
                SignedCertificate(der, intent.serial, intent.issuer)
                if first
                else await self._read_winner(intent.serial)
            )
        return [outcomes[intent.serial] for intent in intents]

    async def _handle_refusal(self, intent: Intent, refusal: NewelError, *, fresh: bool) -> Outcome:
        """Close a fresh intent whose statement the signer refused: it stays refused."""
        if refusal.type is ErrorType.UNAVAILABLE:
            return refusal
        facts = {"serial": intent.serial.hex(), "cause": refusal.cause}
        self._trail.record([Decision(Operation.SIGN, Result.REFUSED, facts)])
        if fresh:
            closed = await self._store.close(intent.serial, self._clock.now(), release=True)
            if not closed:
                return await self._read_winner(intent.serial)
        return NewelError(
            ErrorType.SERVER_INTERNAL,
            "the certificate could not be signed",
            cause=f"the signer refused: {refusal.cause}",
        )

    async def _read_winner(self, serial: bytes) -> Outcome:
        """Return the outcome of the process that completed or closed the intent meanwhile."""
        (record,) = await self._store.by_serial([serial])
        der = certificate_octets(record) if record else None
        if record is None or der is None:
            return NewelError(ErrorType.CONFLICT, "the request was given up before it was finished")
        return SignedCertificate(der, serial, record.intent.issuer)


def _unavailable(cause: str) -> NewelError:
    return NewelError(
        ErrorType.UNAVAILABLE, "the certificate cannot be issued now; try again later", cause=cause
    )


_NO_ISSUER = _unavailable("the issuer of the intent is not configured any more")
