"""``/ssh/renew``, ``/ssh/rekey``: a host's certificate gets a successor, under today's rules."""

import datetime as dt
from dataclasses import dataclass

from newel.crypto.ssh.certificates import FOREVER, Certificate, moment
from newel.registration.audit_trail import Decision
from newel.registration.authority import Authority
from newel.registration.errors import forbidden_error, malformed_error, unauthorized_error
from newel.registration.issuance import IssuedCertificate, ProvisionerRef
from newel.registration.one_time import idempotency_key, issue_once
from newel.registration.provisioners.provisioner import Provisioner, TokenRules
from newel.registration.provisioners.sshpop import SSHPOPProvisioner, SSHProof, is_valid_now
from newel.registration.ssh.hosts import HostTable
from newel.registration.ssh.identity import IdentityService
from newel.registration.ssh.keys import SSHKeys
from newel.registration.ssh.signing import SSHResult, decision, issue, read_key
from newel.registration.ssh_issuance import SSHIssuance, SSHIssueRequest, SSHRecord
from newel.registration.step.peer import Peer
from newel.registration.step.signing import read_token
from newel.registration.storage import UsedTokenTable
from newel.runtime.clock import Clock
from newel.step.audiences import Method
from newel.step.ssh_messages import SSHRenewRequest


@dataclass(frozen=True, slots=True)
class SSHRenewService:
    """Decides on ``/ssh/renew`` and ``/ssh/rekey``."""

    authority: Authority
    rules: TokenRules
    used: UsedTokenTable
    issuance: SSHIssuance
    keys: SSHKeys
    hosts: HostTable
    clock: Clock
    backdate: dt.timedelta
    identities: IdentityService

    async def renew(
        self,
        body: SSHRenewRequest,
        method: Method,
        request_id: str,
        holder: Peer | None = None,
    ) -> SSHResult:
        """Issue the successor, for the key in the body where ``method`` is a rekey. Raises NewelError.

        1. the token, and the certificate that it proves; 2. the record: it is the same certificate, and
        not revoked; 3. the rules of today; 4. the token is used up; 5. the issuing authority, which first
        renews the X.509 certificate that the ``holder`` showed in TLS.
        """
        is_rekey = method is Method.SSH_REKEY
        key = read_key(body.public_key or "") if is_rekey else b""
        provisioner, proof = await self.prove(body.ott or "", method)
        old, now = proof.certificate, self.clock.now()
        if old.kind != "host":
            raise malformed_error("sshpop certificate must be a host ssh certificate")
        record = await self.require_record(old)
        self._check(provisioner, old, now, is_rekey=is_rekey)
        source = self._find_source(record.provisioner)
        self.authority.check_principals((source or provisioner).policies, old.kind, old.principals)
        request = self._build(
            record.provisioner, source, proof, key or old.public_key, now, request_id
        )
        issued = await issue_once(
            self.used,
            proof.use,
            old.wire + key,
            now,
            lambda: self._issue(request, holder),
        )
        return self._describe("ssh-rekey" if is_rekey else "ssh-renew", provisioner.name, *issued)

    async def _issue(
        self, request: SSHIssueRequest, holder: Peer | None
    ) -> tuple[IssuedCertificate, IssuedCertificate | None]:
        identity = None
        if holder is not None:
            longest = request.valid_before - request.valid_after
            identity = await self.identities.renew(holder, longest, request.request_id)
        return await issue(self.issuance, self.hosts, request), identity

    def _describe(
        self,
        operation: str,
        provisioner: str,
        issued: IssuedCertificate,
        identity: IssuedCertificate | None,
    ) -> SSHResult:
        own = decision(operation, provisioner, issued)
        if identity is None:
            return SSHResult(issued.der, own)
        facts = {**own.facts, "identity_serial": identity.serial.hex()}
        chain = self.identities.chain(identity)
        return SSHResult(issued.der, Decision(operation, facts), identity=chain)

    async def prove(self, ott: str, method: Method) -> tuple[SSHPOPProvisioner, SSHProof]:
        """Verify a token that a certificate's key signed. Raises NewelError."""
        if not ott:
            raise malformed_error("missing or empty ott")
        token = read_token(ott)
        provisioner = await self.authority.find_provisioner(token)
        if not isinstance(provisioner, SSHPOPProvisioner):
            raise unauthorized_error(
                f"a {provisioner.kind} token, and only the key of the certificate renews it"
            )
        proof = provisioner.prove(token, self.rules, method, self.clock.now(), self.keys.trusted)
        return provisioner, proof

    async def require_record(self, old: Certificate) -> SSHRecord:
        """Find the record of exactly this certificate, which is not revoked. Raises ``unauthorized``."""
        record = await self.issuance.find(old.serial)
        if record is None or record.certificate != old.wire:
            raise unauthorized_error("the certificate is not one of the record")
        if record.is_revoked:
            raise unauthorized_error("the certificate is revoked")
        return record

    def _check(
        self, provisioner: Provisioner, old: Certificate, now: dt.datetime, *, is_rekey: bool
    ) -> None:
        if not provisioner.may_renew:
            raise unauthorized_error(f"renew is disabled for provisioner '{provisioner.name}'")
        if old.valid_before == FOREVER:
            raise malformed_error("cannot renew a certificate without a validity period")
        late = provisioner.limits.allow_renewal_after_expiry and not is_rekey
        if not is_valid_now(old, now) and not (late and now >= moment(old.valid_before)):
            raise unauthorized_error("the certificate is not valid now, or has expired")

    def _find_source(self, ref: ProvisionerRef) -> Provisioner | None:
        """Find the provisioner that admitted the certificate. Raises ``unauthorized`` when it is gone.

        None: step-ca issued the certificate, whose record names no provisioner.
        """
        source = self.authority.provisioners.by_certificate(ref)
        if source is None and ref.name:
            raise unauthorized_error(
                f"the provisioner {ref.name[:128]!r}, which admitted the certificate, is gone"
            )
        if source is not None and source.disabled:
            raise unauthorized_error(f"the provisioner {source.name!r} is disabled")
        return source

    def _build(
        self,
        ref: ProvisionerRef,
        source: Provisioner | None,
        proof: SSHProof,
        key: bytes,
        now: dt.datetime,
        request_id: str,
    ) -> SSHIssueRequest:
        old = proof.certificate
        start = now.replace(microsecond=0) - self.backdate
        length = moment(old.valid_before) - moment(old.valid_after)
        if source is not None:
            length = min(length, source.limits.ssh_host.max_duration + self.backdate)
        if length <= self.backdate:
            raise forbidden_error("the certificate would end before it begins")
        return SSHIssueRequest(
            idempotency_key=idempotency_key(proof.use),
            type="host",
            public_key=key,
            key_id=old.key_id,
            principals=old.principals,
            valid_after=start,
            valid_before=start + length,
            critical_options=old.critical_options,
            extensions=old.extensions,
            provisioner=ref,
            subject_of_proof=old.key_id,
            renewed_from=old.serial,
            request_id=request_id,
        )
