"""The X.509 certificate beside an SSH certificate, by which its holder is known to the authority over TLS.

The same token proves who gets it, and it lasts as long as the SSH certificate. A host may add its id, a
UUID, to the names that the token proves.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from newel.crypto import pem
from newel.crypto.csr import VerifiedRequest
from newel.registration.authority import Authority
from newel.registration.content import Content
from newel.registration.errors import forbidden_error, misconfiguration_error
from newel.registration.inquiry import Proof
from newel.registration.issuance import Issuance, IssuedCertificate
from newel.registration.provisioners.grant import Grant, NameRule
from newel.registration.provisioners.provisioner import Provisioner
from newel.registration.provisioners.ssh_grant import SSHGrant
from newel.registration.step.peer import Peer
from newel.registration.step.renewal import RenewService
from newel.registration.step.signing import build_issue_request, read_request, verify_request
from newel.registration.step.subject import check_request
from newel.registration.step.validity import Validity

_HOST_ID = re.compile(
    r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE
)
_MAX_HOST_IDS = 1


@dataclass(frozen=True, slots=True)
class IdentityService:
    """Has such certificates issued and renewed."""

    authority: Authority
    issuance: Issuance
    renewal: RenewService

    async def prepare(
        self,
        text: str,
        provisioner: Provisioner,
        grant: SSHGrant,
        period: Validity,
        now: dt.datetime,
        request_id: str,
    ) -> Content:
        """Check a certification request (PEM) by the rules of ``/sign``. Raises NewelError.

        1. its own signature; 2. its key and names against what the token proves; 3. the provisioner's
        template; 4. the policies and name constraints; 5. authorizing webhooks.
        """
        request = verify_request(read_request(text))
        granted = _add_host_id(grant.identity(), request)
        check_request(request, granted)
        message = build_issue_request(granted, request, period, request_id)
        proof = Proof(
            granted.subject,
            granted.payload,
            template_data=granted.template_data,
            certificate=granted.certificate,
            principal=granted.principal,
        )
        content = Content(provisioner, request, proof, message, now)
        await content.determine(self.authority.subject_defaults)
        found = content.message
        self.authority.check_names([provisioner.policies], found.names, found.subject, now)
        await content.authorize()
        return content

    async def issue(self, content: Content, key_of_ssh: bytes) -> IssuedCertificate:
        """Issue it, once for each idempotency key of the SSH certificate. Raises NewelError."""
        key = derive_key(key_of_ssh, b"identity")
        message = msgspec.structs.replace(content.message, idempotency_key=key)
        issued = await self.issuance.issue(message)
        content.notify(issued.der)
        return issued

    async def renew(
        self, holder: Peer, longest: dt.timedelta, request_id: str
    ) -> IssuedCertificate:
        """Renew the certificate that the client showed in TLS, for at most as long as its SSH certificate.

        Raises NewelError for one that may not be renewed.
        """
        return (await self.renewal.renew(holder, None, request_id, longest)).certificate

    def chain(self, issued: IssuedCertificate) -> Sequence[str]:
        """Return the certificate and its issuers, without the root, each in PEM. Raises NewelError."""
        issuer = self.authority.trust.issuers.get(issued.issuer)
        if issuer is None:
            raise misconfiguration_error("a certificate of no known issuer")
        return [pem.encode(der).decode() for der in (issued.der, *issuer.chain)]


def derive_key(key: bytes, purpose: bytes) -> bytes:
    """Derive the idempotency key of a further certificate by the same token: the time stays first."""
    head, rest = key[:4], key[4:]
    return head + hashlib.sha256(purpose + b"\0" + rest).digest()[: len(rest)]


def _add_host_id(granted: Grant, request: VerifiedRequest) -> Grant:
    """Add the UUID by which a host asks to be known. Raises ``forbidden`` for more than one."""
    if granted.name_rule not in {NameRule.EXACT, NameRule.SUBSET}:
        return granted
    found = tuple(
        name
        for name in request.names
        if name.kind == "uri" and _HOST_ID.fullmatch(str(name)) and name not in granted.names
    )
    if len(found) > _MAX_HOST_IDS:
        raise forbidden_error(f"identityCSR: a host has one id, and the request names {len(found)}")
    return granted._replace(names=(*granted.names, *found)) if found else granted
