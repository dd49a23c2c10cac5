"""PKCSReq and RenewalReq: from a message to a certificate."""

import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from newel.registration.authority import Authority
from newel.registration.content import Content
from newel.registration.errors import TEMPORARY
from newel.registration.inquiry import Proof
from newel.registration.issuance import (
    Issuance,
    IssuedCertificate,
    IssueRequest,
    Renewal,
)
from newel.registration.policy.levels import check_x509
from newel.registration.provisioners.scep import SCEPProvisioner
from newel.registration.scep import requests
from newel.registration.scep.requests import CertificateRequest, Names
from newel.registration.scep.transactions import Transactions
from newel.runtime.clock import Clock
from newel.runtime.errors import NewelError
from newel.scep.constants import FailInfo, MessageType, RefusedError


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

        1. the request's own key signed the message; 2. the key's length; 3. the challenge, by webhooks
        or by the record; 4. enriching webhooks and template; 5. policies and name constraints; 6.
        authorizing webhooks; 7. the transaction; 8. the issuing authority.
        """
        requests.require_own_key(request)
        requests.check_key(request, provisioner)
        names = requests.read_names(request, provisioner)
        now = self.clock.now()
        message = build_issue_request(request, names, provisioner, request_id)
        content = Content(provisioner, request.csr, Proof(names.common_name), message, now)
        transaction = request.message.request.transaction_id
        try:
            certificate = await self._issue(request, provisioner, content, now)
        except RefusedError as error:
            content.inquiry.notify_failure(transaction, error.fail_info, error.detail)
            raise
        except NewelError as error:
            if error.type not in TEMPORARY:
                content.inquiry.notify_failure(transaction, FailInfo.BAD_REQUEST, error.detail)
            raise
        content.notify(certificate.der, transaction_id=transaction)
        return Enrolment(certificate, names.common_name, tuple(map(str, content.message.names)))

    async def _issue(
        self,
        request: CertificateRequest,
        provisioner: SCEPProvisioner,
        content: Content,
        now: dt.datetime,
    ) -> IssuedCertificate:
        if not await self._is_admitted(request, provisioner, content):
            raise requests.challenge_error()
        await content.determine(self.authority.subject_defaults)
        message = content.message
        self.authority.check_names([provisioner.policies], message.names, message.subject, now)
        await content.authorize()
        key = await self._begin(request, provisioner, MessageType.PKCS_REQ)
        return await self.issuance.issue(msgspec.structs.replace(message, idempotency_key=key))

    async def _is_admitted(
        self, request: CertificateRequest, provisioner: SCEPProvisioner, content: Content
    ) -> bool:
        if provisioner.asks_webhook:
            transaction = request.message.request.transaction_id
            return await content.inquiry.check_challenge(request.challenge or "", transaction)
        return provisioner.without_challenge or requests.is_right_challenge(request, provisioner)

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
    request: CertificateRequest, names: Names, provisioner: SCEPProvisioner, request_id: str
) -> IssueRequest:
    """Ask for the subject, names and key of a request; the idempotency key comes later."""
    return IssueRequest(
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
