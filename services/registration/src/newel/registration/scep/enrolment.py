"""PKCSReq and RenewalReq: from a message to a certificate."""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from newel.registration.authority import Authority
from newel.registration.issuance import (
    Issuance,
    IssuedCertificate,
    IssueRequest,
    Renewal,
    add_must_staple,
    apply_template,
)
from newel.registration.policy.levels import check_x509
from newel.registration.provisioners.scep import SCEPProvisioner
from newel.registration.scep import requests
from newel.registration.scep.requests import CertificateRequest, Names
from newel.registration.scep.transactions import Transactions
from newel.runtime.clock import Clock
from newel.scep.constants import FailInfo, MessageType, RefusedError

if TYPE_CHECKING:
    from newel.certtemplates.leaves import TemplateOutput
    from newel.registration.provisioners.templates import LeafTemplate


class Enrolment(NamedTuple):
    """A certificate, and what the audit trail says of it."""

    certificate: IssuedCertificate
    subject: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EnrolService:
    """Decides on requests for certificates. Its methods raise RefusedError and NewelError."""

    authority: Authority
    issuance: Issuance
    transactions: Transactions
    policy_on_renewal: bool
    clock: Clock

    async def enrol(
        self, request: CertificateRequest, provisioner: SCEPProvisioner, request_id: str
    ) -> Enrolment:
        """Answer PKCSReq: a first certificate, for a client that knows the challenge.

        1. the request's own key signed the message; 2. the challenge; 3. the key's length; 4. names and
        template; 5. policies and name constraints; 6. the transaction; 7. the issuing authority.
        """
        requests.require_own_key(request)
        if not provisioner.without_challenge:
            requests.check_challenge(request, provisioner)
        requests.check_key(request, provisioner)
        names = requests.read_names(request, provisioner)
        now = self.clock.now()
        message = build_issue_request(request, names, provisioner, now, request_id)
        self.authority.check_names([provisioner.policies], message.names, message.subject, now)
        key = await self._begin(request, provisioner, MessageType.PKCS_REQ)
        message = msgspec.structs.replace(message, idempotency_key=key)
        certificate = await self.issuance.issue(message)
        return Enrolment(certificate, names.common_name, tuple(map(str, message.names)))

    async def renew(
        self, request: CertificateRequest, provisioner: SCEPProvisioner, request_id: str
    ) -> Enrolment:
        """Answer RenewalReq: a successor, for the holder of a certificate of this provisioner.

        1. the certificate that signed the message is on record, admitted by this provisioner; 2. it
        may be renewed now; 3. the request has its subject and names, which the policies of today
        allow; 4. the transaction; 5. the issuing authority, which compares it octet by octet and
        refuses revoked ones.
        """
        old = request.message.signer
        der = old.public_bytes(Encoding.DER)
        record = await self.issuance.find(der=der)
        if record is None or (record.provisioner.type, record.provisioner.name) != (
            provisioner.kind,
            provisioner.name,
        ):
            raise RefusedError(
                FailInfo.BAD_CERT_ID,
                "a renewal is signed by a certificate that this provisioner admitted",
            )
        if not provisioner.may_renew:
            raise RefusedError(FailInfo.BAD_REQUEST, "renewals are disabled for this provisioner")
        now = self.clock.now()
        expired = now > old.not_valid_after_utc
        if now < old.not_valid_before_utc or (
            expired and not provisioner.limits.allow_renewal_after_expiry
        ):
            raise RefusedError(FailInfo.BAD_TIME, "the certificate that signs is not valid now")
        requests.check_key(request, provisioner)
        names = requests.require_same_names(request)
        levels = (provisioner.policies, self.authority.policies) if self.policy_on_renewal else ()
        constraints = self.authority.trust.constraints(now)
        check_x509(levels, names.names, names.subject, constraints)
        key = await self._begin(request, provisioner, MessageType.RENEWAL_REQ)
        renewal = Renewal(
            idempotency_key=key,
            certificate=der,
            public_key=request.csr.spki,
            allow_expired=provisioner.limits.allow_renewal_after_expiry,
            max_duration=provisioner.limits.max_duration,
            provisioner=provisioner.reference(),
            request_id=request_id,
        )
        certificate = await self.issuance.renew(renewal)
        return Enrolment(certificate, names.common_name, tuple(map(str, names.names)))

    async def _begin(
        self, request: CertificateRequest, provisioner: SCEPProvisioner, kind: MessageType
    ) -> bytes:
        name = request.message.request.transaction_id
        return await self.transactions.begin(provisioner.id, kind, name, request.csr.der)


def build_issue_request(
    request: CertificateRequest,
    names: Names,
    provisioner: SCEPProvisioner,
    now: dt.datetime,
    request_id: str,
) -> IssueRequest:
    """Ask for the subject, names and key of a request, or what the template makes of them."""
    message = IssueRequest(
        idempotency_key=b"",
        profile=provisioner.profile,
        public_key=request.csr.spki,
        subject=names.subject,
        names=names.names,
        default_duration=provisioner.limits.default_duration,
        provisioner=provisioner.reference(),
        subject_of_proof=names.common_name,
        request_id=request_id,
    )
    if provisioner.template is not None:
        message = apply_template(message, _render(request, names, provisioner.template, now))
    return add_must_staple(message, request.csr.extensions)


def _render(
    request: CertificateRequest, names: Names, template: "LeafTemplate", now: dt.datetime
) -> "TemplateOutput":
    from newel.registration.provisioners.templates import TemplateInput

    listed = list(map(str, names.names))
    return template.render(TemplateInput(names.common_name, listed, request.csr), now)
