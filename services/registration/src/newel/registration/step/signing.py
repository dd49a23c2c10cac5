"""``/sign``: a one-time token and a certification request become a certificate."""

import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

from newel.crypto import csr, distinguished_names
from newel.crypto.distinguished_names import COMMON_NAME, Attribute
from newel.crypto.dns_names import UNDERSCORES
from newel.registration.audit_trail import Decision
from newel.registration.authority import Authority
from newel.registration.content import Content
from newel.registration.errors import malformed_error, unauthorized_error
from newel.registration.inquiry import Proof
from newel.registration.issuance import Issuance, IssuedCertificate, IssueRequest
from newel.registration.one_time import idempotency_key, issue_once
from newel.registration.provisioners.grant import Grant, LeafKind, NameRule
from newel.registration.provisioners.provisioner import Provisioner, TokenRules
from newel.registration.step import validity
from newel.registration.step.clients import Client, authorize_client
from newel.registration.step.credentials import require_standing
from newel.registration.step.subject import check_request
from newel.registration.step.validity import Validity
from newel.registration.storage import UsedTokenTable
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError
from newel.step import tokens
from newel.step.messages import SignRequest

_MAX_COMMON_NAME = 64  # ub-common-name, RFC 5280 appendix A.1


class SignResult(NamedTuple):
    """A new certificate and the decision that led to it."""

    certificate: IssuedCertificate
    decision: Decision

    @classmethod
    def of(
        cls,
        operation: str,
        certificate: IssuedCertificate,
        provisioner: str,
        subject: str,
        names: tuple[str, ...] = (),
    ) -> "SignResult":
        """Describe a certificate for the audit trail."""
        facts = {
            "provisioner": provisioner,
            "subject": subject,
            "names": names,
            "serial": certificate.serial.hex(),
            "issuer": certificate.issuer,
        }
        return cls(certificate, Decision(operation, facts))


@dataclass(frozen=True, slots=True)
class SignService:
    """Decides on ``/sign``."""

    authority: Authority
    rules: TokenRules
    used: UsedTokenTable
    issuance: Issuance
    clock: Clock
    backdate: dt.timedelta
    latest_start: dt.timedelta

    async def sign(
        self, body: SignRequest, request_id: str, client: Client | None = None
    ) -> SignResult:
        """Issue one certificate. Raises NewelError.

        1. the token, verified by the provisioner it names, or without one the client's certificate;
        2. the request's own signature, which costs more; 3. the request against the grant; 4. the
        validity; 5. the provisioner's template, if it has one; 6. the policies and name constraints on
        the names that came of it; 7. the token is used up, only now that everything is verified; 8. the
        issuing authority.
        """
        unverified = read_request(body.csr)
        provisioner, grant = await self._authorize(body.ott or "", client)
        request = verify_request(unverified)
        check_request(request, grant)
        now = self.clock.now()
        bounds = validity.Bounds(
            self.backdate, self.latest_start, self.authority.trust.issuer_expiry(now)
        )
        period = validity.resolve(
            grant.limits, bounds, now, body.not_before or "", body.not_after or "", grant.window
        )
        digest_input = request.der + f"{body.not_before}\0{body.not_after}".encode()
        if provisioner.template is not None:
            digest_input += bytes(body.template_data)
        granted = build_issue_request(grant, request, period, request_id)
        proof = _proof(grant, bytes(body.template_data))
        content = Content(provisioner, request, proof, granted, now)
        await content.determine(self.authority.subject_defaults)
        message = content.message
        self.authority.check_names([provisioner.policies], message.names, message.subject, now)
        await content.authorize()
        certificate = await issue_once(
            self.used, grant.use, digest_input, now, lambda: self.issuance.issue(message)
        )
        content.notify(certificate.der)
        names = tuple(map(str, message.names))
        return SignResult.of("sign", certificate, provisioner.name, grant.subject, names)

    async def _authorize(self, ott: str, client: Client | None) -> tuple[Provisioner, Grant]:
        provisioner, grant = (
            await self._authorize_token(ott)
            if ott
            else authorize_client(self.authority.provisioners, client, self.clock.now())
        )
        if grant.certificate:
            await require_standing(grant.certificate, self.authority.trust, self.issuance)
        return provisioner, grant

    async def _authorize_token(self, ott: str) -> tuple[Provisioner, Grant]:
        token = read_token(ott)
        provisioner = await self.authority.find_provisioner(token)
        return provisioner, provisioner.authorize_sign(token, self.rules, self.clock.now())


def read_request(text: str | None) -> csr.UnverifiedRequest:
    """Read the certification request of a body. Raises ``malformed``."""
    if not text:
        raise malformed_error("missing csr")
    try:
        return csr.read_request(text.encode())
    except csr.CSREncodingError as error:
        raise malformed_error("error decoding json", cause=str(error)) from None
    except csr.CSRError as error:
        raise malformed_error(f"invalid csr: {error}") from None


def verify_request(request: csr.UnverifiedRequest) -> csr.VerifiedRequest:
    """Verify a request's signature and read its contents. Raises ``malformed``."""
    try:
        return request.verify(UNDERSCORES)  # the grant decides on them
    except csr.CSRSignatureError as error:
        raise malformed_error("invalid csr", cause=str(error)) from None
    except csr.CSRError as error:
        raise malformed_error(f"invalid csr: {error}") from None


def read_token(ott: str) -> tokens.UnverifiedToken:
    """Parse a token within its bounds, unverified. Raises NewelError."""
    if len(ott) > tokens.MAX_TOKEN:
        raise NewelError(ErrorType.TOO_LARGE, "the token is too large")
    try:
        return tokens.parse(ott)
    except tokens.MalformedTokenError as error:
        raise unauthorized_error(str(error)) from None


def build_issue_request(
    grant: Grant, request: csr.VerifiedRequest, period: Validity, request_id: str
) -> IssueRequest:
    """Ask the issuing authority for what the grant allows and for the proved key."""
    return IssueRequest(
        idempotency_key=idempotency_key(grant.use),
        profile=grant.profile,
        public_key=request.spki,
        subject=_subject(grant, request),
        names=request.names if grant.name_rule is NameRule.FROM_REQUEST else grant.names,
        not_before=period.requested_start,
        not_after=period.not_after,
        provisioner=grant.provisioner,
        subject_of_proof=grant.subject,
        request_id=request_id,
    )


def _subject(grant: Grant, request: csr.VerifiedRequest) -> tuple[Attribute, ...]:
    if grant.leaf is LeafKind.ADMIN:
        return tuple(request.subject)
    if grant.leaf is LeafKind.INSTANCE:
        return tuple(each for each in request.subject if each.oid == COMMON_NAME)[:1]
    fits = grant.subject and len(grant.subject) <= _MAX_COMMON_NAME
    return (distinguished_names.common_name(grant.subject),) if fits else ()


def _proof(grant: Grant, user: bytes) -> Proof:
    return Proof(
        grant.subject,
        grant.payload,
        user,
        grant.template_data,
        grant.certificate,
        grant.principal,
    )
