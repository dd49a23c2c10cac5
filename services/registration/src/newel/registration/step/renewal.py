"""``/renew`` and ``/rekey``: a certificate its holder presents gets a successor, under today's rules."""

import datetime as dt
import hashlib
from dataclasses import dataclass

import msgspec

from newel.durations.go import format_go_time
from newel.registration.authority import Authority
from newel.registration.errors import unauthorized_error
from newel.registration.issuance import Issuance, IssuedCertificate, ProvisionerRef, Renewal
from newel.registration.one_time import idempotency_key, issue_once
from newel.registration.policy.certificate_names import read_names
from newel.registration.policy.levels import check_x509
from newel.registration.provisioners.grant import TokenUse
from newel.registration.provisioners.provisioner import Provisioner, TokenRules
from newel.registration.step.peer import Peer
from newel.registration.step.signing import SignResult, read_request, verify_request
from newel.registration.step.subject import check_key
from newel.registration.storage import UsedTokenTable
from newel.runtime.clock import Clock
from newel.runtime.entropy import random_bytes
from newel.runtime.errors import ErrorType, NewelError
from newel.step import renew_token
from newel.step.tokens import InvalidClaimsError


@dataclass(frozen=True, slots=True)
class RenewService:
    """Decides on ``/renew`` and ``/rekey``."""

    authority: Authority
    rules: TokenRules
    used: UsedTokenTable
    issuance: Issuance
    clock: Clock
    policy_on_renewal: bool

    async def renew(
        self,
        peer: Peer,
        csr: str | None,
        request_id: str,
        longest: dt.timedelta | None = None,
    ) -> SignResult:
        """Issue the successor, for the key in ``csr`` where one is given, else for the same key.

        It lasts as long as the certificate did, and at most ``longest``, else as the provisioner allows.

        1. the provisioner that admitted the certificate, as it is today; 2. its rules and the times;
        3. the bearer token's claims; 4. the policies and name constraints of today; 5. the token's one
        use; 6. the issuing authority, which compares the certificate octet by octet with its record and
        refuses revoked ones. Raises NewelError.
        """
        public_key = b""
        if csr is not None:
            request = verify_request(read_request(csr))
            check_key(request)
            public_key = request.spki
        ref = await self._recorded_provisioner(peer)
        provisioner = self.authority.provisioners.by_certificate(ref)
        if provisioner is None:
            raise unauthorized_error(
                f"cannot get provisioner from certificate: {ref.type} {ref.name[:128]!r}"
            )
        self._check(peer, provisioner)
        self._check_names(peer, provisioner)
        renewal = Renewal(
            idempotency_key=int(self.clock.unix()).to_bytes(4, "big") + random_bytes(20),
            certificate=peer.der,
            public_key=public_key,
            allow_expired=provisioner.limits.allow_renewal_after_expiry,
            max_duration=longest or provisioner.limits.max_duration,
            provisioner=provisioner.reference(ref.credential_id, ref.key_values),
            request_id=request_id,
        )
        try:
            certificate = await self._renew_once(peer, provisioner, renewal)
        except NewelError as error:
            if error.type is not ErrorType.UNAUTHORIZED:
                raise
            raise NewelError(  # clients learn no more than of a token
                error.type, "", cause=error.cause, compromised_key=error.compromised_key
            ) from error
        subject = renew_token.common_name(peer.certificate)
        operation = "renew" if csr is None else "rekey"
        return SignResult.of(operation, certificate, provisioner.name, subject)

    async def _recorded_provisioner(self, peer: Peer) -> ProvisionerRef:
        """Read the provisioner from the certificate's extension, or from its record without one."""
        if peer.provisioner is not None:
            return peer.provisioner
        record = await self.issuance.find(der=peer.der)
        if record is None:
            raise unauthorized_error("the certificate is not one of the record")
        return record.provisioner

    def _check(self, peer: Peer, provisioner: Provisioner) -> None:
        now = self.clock.now()
        if not provisioner.may_renew:
            raise unauthorized_error(f"renew is disabled for provisioner {provisioner.name!r}")
        if now < peer.certificate.not_valid_before_utc:
            raise unauthorized_error("the certificate is not yet valid")
        expiry = peer.certificate.not_valid_after_utc
        if now > expiry and not provisioner.limits.allow_renewal_after_expiry:
            raise unauthorized_error(
                "the certificate is expired",
                detail="The request lacked necessary authorization to be completed:"
                f" certificate expired on {format_go_time(expiry)}",
            )
        if peer.token is not None:
            try:
                peer.token.check_claims(
                    self.rules.audiences,
                    provisioner.name,
                    now.timestamp(),
                    self.rules.max_duration.total_seconds(),
                )
            except InvalidClaimsError as error:
                raise unauthorized_error(f"error validating renew token: {error}") from None

    def _check_names(self, peer: Peer, provisioner: Provisioner) -> None:
        """Hold the certificate's names to today's policies and name constraints."""
        authority, now = self.authority, self.clock.now()
        levels = (provisioner.policies, authority.policies) if self.policy_on_renewal else ()
        constraints = authority.trust.constraints(now)
        if constraints or any(level.x509 for level in levels):
            names, subject = read_names(peer.certificate)
            check_x509(levels, names, subject, constraints)

    async def _renew_once(
        self, peer: Peer, provisioner: Provisioner, renewal: Renewal
    ) -> IssuedCertificate:
        """Renew: with a bearer token once, over TLS as often as the holder asks."""
        if peer.token is None:
            return await self.issuance.renew(renewal)
        now = self.clock.now()
        claims, content = peer.token.token.claims, peer.token.token.key
        digest = hashlib.sha256(provisioner.id.encode() + b"\0renew\0" + content).digest()
        use = TokenUse(digest[:24], int(claims.exp or now.timestamp()), claims.issued_at)
        once = msgspec.structs.replace(renewal, idempotency_key=idempotency_key(use))
        request = peer.der + renewal.public_key
        return await issue_once(self.used, use, request, now, lambda: self.issuance.renew(once))
