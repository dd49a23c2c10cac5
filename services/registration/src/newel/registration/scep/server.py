"""The SCEP server (RFC 8894): what is answered to each operation, apart from HTTP."""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.serialization import Encoding

from newel.registration.audit_trail import AuditTrail, Decision
from newel.registration.authority import Authority
from newel.registration.errors import TEMPORARY
from newel.registration.provisioners.scep import SCEPProvisioner
from newel.registration.scep import requests
from newel.registration.scep.enrolment import Enrolment, EnrolService
from newel.registration.scep.requests import CertificateRequest
from newel.registration.scep.transport_keys import TransportKeys
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError
from newel.scep import envelopes, responses
from newel.scep.constants import FailInfo, MessageType, RefusedError
from newel.scep.requests import Request, VerifiedRequest, verify
from newel.scep.signing import Signer

CAPABILITIES = (
    "AES", "SHA-256", "SHA-384", "SHA-512", "POSTPKIOperation", "Renewal", "SCEPStandard",
)  # fmt: skip # a list; SHA-384 is not in §3.5.2, and strongSwan 5.9 does not go on without it
_NEXT = "GetNextCACert"

_CIPHERS = {"AES-128-CBC": envelopes.AES_128, "AES-256-CBC": envelopes.AES_256}

Enrol = Callable[[CertificateRequest, SCEPProvisioner, str], Awaitable[Enrolment]]


class DecidedError(NewelError):
    """An error that the audit trail has already, though no signed answer tells of it."""


@dataclass(frozen=True, slots=True)
class SCEPServer:
    """Answers the operations of one or several SCEP provisioners. Its methods raise NewelError."""

    authority: Authority
    transport_keys: TransportKeys
    enrolment: EnrolService
    audit_trail: AuditTrail
    clock: Clock

    async def capabilities(self, provisioner: SCEPProvisioner) -> str:
        """Answer GetCACaps: a keyword a line (§3.5.2)."""
        known = provisioner.capabilities or (
            *CAPABILITIES,
            *((_NEXT,) if self._next_certificates() else ()),
        )
        return "\r\n".join(known)

    async def certificates(self, provisioner: SCEPProvisioner) -> list[bytes]:
        """Answer GetCACert: the certificate that messages are encrypted to, then the CA's (DER)."""
        signers = await self._signers(provisioner)
        found = [signers[0].certificate.public_bytes(Encoding.DER)]
        trust = self.authority.trust
        if not provisioner.exclude_intermediate:
            found += [der for issuer in trust.active for der in issuer.chain]
        if provisioner.include_root:
            found += trust.roots
        return list(dict.fromkeys(found))

    async def next_certificates(self, provisioner: SCEPProvisioner) -> bytes:
        """Answer GetNextCACert, signed (§4.7). Raises ``notFound`` where there is no next CA."""
        found = self._next_certificates()
        if not found:
            raise NewelError(ErrorType.NOT_FOUND, "there is no next CA certificate yet")
        return responses.next_certificates(found, (await self._signers(provisioner))[0])

    def _next_certificates(self) -> list[bytes]:
        now: dt.datetime = self.clock.now()
        found = [
            der
            for issuer in self.authority.trust.active
            if issuer.not_before > now
            for der in issuer.chain
        ]
        return list(dict.fromkeys(found))

    async def operate(
        self, provisioner: SCEPProvisioner, request: Request, request_id: str
    ) -> bytes:
        """Answer PKIOperation with a CertRep. Raises NewelError where it cannot be answered now."""
        signers = await self._signers(provisioner)
        handlers: dict[int, tuple[str, Enrol]] = {
            MessageType.PKCS_REQ: ("scep.enrol", self.enrolment.enrol),
            MessageType.RENEWAL_REQ: ("scep.renew", self.enrolment.renew),
        }
        operation, handler = handlers.get(request.message_type, ("scep.request", None))
        facts = {"provisioner": provisioner.name, "transaction": request.transaction_id}
        answering = signers[0]
        try:
            self.audit_trail.require_writable()
            if handler is None:
                raise _unsupported_error(request)
            verified = verify(request)
            answering = _find_recipient(verified, signers)
            opened = requests.open_request(verified, answering, provisioner)
            enrolled = await handler(opened, provisioner, request_id)
        except RefusedError as error:
            typed = NewelError(ErrorType.MALFORMED, error.detail, cause=error.cause)
            self.audit_trail.write(Decision(operation, facts, typed))
            return responses.failure(request, answering, error.fail_info, error.detail)
        except NewelError as error:
            self.audit_trail.write(Decision(operation, facts, error))
            if error.type in TEMPORARY:  # no signed FAILURE, so that the client asks again
                raise DecidedError(error.type, error.detail, cause=error.cause) from error
            text = error.detail or "the request is not authorized"
            return responses.failure(request, answering, FailInfo.BAD_REQUEST, text)
        issued = enrolled.certificate
        self.audit_trail.write(
            Decision(
                operation,
                {
                    **facts,
                    "subject": enrolled.subject,
                    "names": enrolled.names,
                    "serial": issued.serial.hex(),
                    "issuer": issued.issuer,
                },
            )
        )
        return responses.success(verified, issued.der, answering, _CIPHERS[provisioner.cipher])

    async def _signers(self, provisioner: SCEPProvisioner) -> Sequence[Signer]:
        if provisioner.decrypter is not None:
            return [Signer(*provisioner.decrypter)]
        return await self.transport_keys.signers()


def _find_recipient(verified: VerifiedRequest, signers: Sequence[Signer]) -> Signer:
    """Return the key that the client knows: the one its message is encrypted to, or the current one."""
    recipients = verified.envelope.recipients
    return next((each for each in signers if each.id in recipients), signers[0])


def _unsupported_error(request: Request) -> RefusedError:
    """Refuse every message that is not handled, before anything of it is decrypted."""
    match request.message_type:
        case MessageType.CERT_POLL:
            return RefusedError(
                FailInfo.BAD_CERT_ID, "no request is pending: each is answered at once"
            )
        case MessageType.GET_CERT | MessageType.GET_CRL:
            return RefusedError(
                FailInfo.BAD_REQUEST,
                "certificates and revocation lists are served by HTTP, where certificates point to",
            )
        case _:
            number = request.message_type
            return RefusedError(
                FailInfo.BAD_REQUEST, f"messages of type {number} are not supported"
            )
