"""``/ssh/sign``: a token and a public key become an SSH certificate."""

import base64
import binascii
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from newel.certtemplates.ssh_content import SSHContent
from newel.crypto.ssh import certificates, key_quality
from newel.registration.audit_trail import Decision
from newel.registration.authority import Authority
from newel.registration.content import Content
from newel.registration.errors import forbidden_error, malformed_error
from newel.registration.issuance import IssuedCertificate
from newel.registration.one_time import idempotency_key, issue_once
from newel.registration.provisioners.provisioner import Provisioner, TokenRules
from newel.registration.provisioners.ssh_grant import SSHGrant
from newel.registration.ssh import content, validity
from newel.registration.ssh.add_user import AddUser
from newel.registration.ssh.hosts import HostTable
from newel.registration.ssh.identity import IdentityService
from newel.registration.ssh_issuance import SSHIssuance, SSHIssueRequest
from newel.registration.step.credentials import require_standing
from newel.registration.step.signing import read_token
from newel.registration.step.validity import Validity
from newel.registration.storage import UsedTokenTable
from newel.runtime.clock import Clock
from newel.step.ssh_messages import SSHSignRequest

_MAX_KEY = 16 * 1024


class SSHResult(NamedTuple):
    """A new certificate in wire form, and the decision that led to it."""

    certificate: bytes
    decision: Decision
    add_user: bytes = b""
    """The certificate that adds the user to a host; empty: none was asked for, or the user's has none."""
    identity: Sequence[str] = ()
    """The X.509 certificate for the same holder and its issuers, in PEM; empty: none was asked for."""


class _Further(NamedTuple):
    """What is issued beside the certificate; None: nothing."""

    identity: Content | None = None
    add_user: SSHIssueRequest | None = None


class _Outcome(NamedTuple):
    certificate: IssuedCertificate
    identity: IssuedCertificate | None = None
    add_user: IssuedCertificate | None = None


@dataclass(frozen=True, slots=True)
class SSHSignService:
    """Decides on ``/ssh/sign``."""

    authority: Authority
    rules: TokenRules
    used: UsedTokenTable
    issuance: SSHIssuance
    hosts: HostTable
    clock: Clock
    backdate: dt.timedelta
    add_user: AddUser
    identities: IdentityService

    async def sign(self, body: SSHSignRequest, request_id: str) -> SSHResult:
        """Issue one certificate. Raises NewelError.

        1. the key; 2. the token, verified by the provisioner it names; 3. the request against the grant;
        4. the inventory, enriching webhooks and the provisioner's template, where it has them; 5. the
        validity; 6. the policies; 7. authorizing webhooks; 8. the certificates beside it, where some are
        asked for; 9. the token is used up, only now that everything is verified; 10. the issuing authority.
        """
        key = read_key(body.public_key or "")
        adding = read_key(body.add_user_public_key) if body.add_user_public_key else b""
        provisioner, proved = await self._authorize(body.ott or "")
        grant = proved.of_type(body.cert_type or "")
        content.check_options(body, grant)
        now = self.clock.now()
        asked = content.ContentOfRequest(provisioner, grant, body, key, now, request_id)
        made = await asked.determine()
        start, end = validity.resolve(
            grant.durations(made.type),
            self.backdate,
            now,
            body.valid_after or grant.options.valid_after or "",
            body.valid_before or grant.options.valid_before or "",
            grant.window,
        )
        self.authority.check_principals(provisioner.policies, made.type, made.principals)
        await asked.authorize(made, start, end)
        request = _build(grant, made, key, (start, end), request_id)
        beside = _Further(
            await self.identities.prepare(
                body.identity_csr, provisioner, grant, Validity(start, end), now, request_id
            )
            if body.identity_csr
            else None,
            self.add_user.request(request, adding) if adding else None,
        )
        # what the client sent: the same request may try again while the issuing authority is unreachable
        sent = msgspec.json.encode(msgspec.structs.replace(body, ott=""))
        issued = await issue_once(
            self.used, grant.use, sent, now, lambda: self._issue(request, beside)
        )
        asked.notify(issued.certificate.der)
        return self._describe(provisioner.name, issued)

    async def _authorize(self, ott: str) -> tuple[Provisioner, SSHGrant]:
        if not ott:
            raise malformed_error("missing or empty ott")
        token = read_token(ott)
        provisioner = await self.authority.find_provisioner(token)
        grant = provisioner.authorize_ssh_sign(token, self.rules, self.clock.now())
        if grant.certificate:
            await require_standing(grant.certificate, self.authority.trust, self.authority.issuance)
        return provisioner, grant

    async def _issue(self, request: SSHIssueRequest, beside: _Further) -> _Outcome:
        """Issue the identity first: the issuer of X.509 refuses more, and then nothing is issued."""
        identity = (
            None
            if beside.identity is None
            else await self.identities.issue(beside.identity, request.idempotency_key)
        )
        issued = await issue(self.issuance, self.hosts, request)
        added = None if beside.add_user is None else await self.issuance.issue(beside.add_user)
        return _Outcome(issued, identity, added)

    def _describe(self, provisioner: str, issued: _Outcome) -> SSHResult:
        own = decision("ssh-sign", provisioner, issued.certificate)
        facts = {**own.facts}
        if issued.add_user is not None:
            facts["add_user_serial"] = str(certificates.parse(issued.add_user.der).serial)
        if issued.identity is not None:
            facts["identity_serial"] = issued.identity.serial.hex()
        return SSHResult(
            issued.certificate.der,
            Decision(own.operation, facts),
            b"" if issued.add_user is None else issued.add_user.der,
            () if issued.identity is None else self.identities.chain(issued.identity),
        )


async def issue(
    issuance: SSHIssuance, hosts: HostTable, request: SSHIssueRequest
) -> IssuedCertificate:
    """Have a certificate issued, and record the names of a host before it is answered."""
    issued = await issuance.issue(request)
    if request.type == "host":
        await hosts.add(request.principals, request.valid_before)
    return issued


def read_key(encoded: str) -> bytes:
    """Read the public key of a body, in wire form. Raises NewelError."""
    if not encoded:
        raise malformed_error("missing or empty publicKey")
    if len(encoded) > _MAX_KEY:
        raise malformed_error("the publicKey is too long")
    try:
        wire = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise malformed_error("error decoding json", cause="publicKey is not base64") from None
    try:
        key_quality.check_key(wire)
    except key_quality.UnusableKeyError as error:
        raise forbidden_error(f"ssh certificate key: {error}") from None
    return wire


def decision(operation: str, provisioner: str, issued: IssuedCertificate) -> Decision:
    """Describe a certificate for the audit trail."""
    made = certificates.parse(issued.der)
    facts: dict[str, Any] = {
        "provisioner": provisioner,
        "type": made.kind,
        "key_id": made.key_id,
        "principals": tuple(made.principals),
        "serial": str(made.serial),
        "issuer": issued.issuer,
    }
    return Decision(operation, facts)


def _build(
    grant: SSHGrant,
    made: SSHContent,
    key: bytes,
    period: tuple[dt.datetime, dt.datetime],
    request_id: str,
) -> SSHIssueRequest:
    return SSHIssueRequest(
        idempotency_key=idempotency_key(grant.use),
        type="host" if made.type == "host" else "user",
        public_key=key,
        key_id=made.key_id,
        principals=made.principals,
        valid_after=period[0],
        valid_before=period[1],
        critical_options=made.critical_options,
        extensions=made.extensions,
        provisioner=grant.provisioner,
        subject_of_proof=grant.subject,
        request_id=request_id,
    )
