"""``/renew`` and ``/rekey``: a certificate its holder shows gets a successor, under today's rules."""

import hashlib
from dataclasses import dataclass

from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.registration.errors import unauthorized
from newel.registration.issuance import Issuance
from newel.registration.one_time import UsedTokens, idempotency_key, use_once
from newel.registration.provisioners.grant import TokenUse
from newel.registration.provisioners.provisioner import Provisioner, TokenRules
from newel.registration.step.peer import Peer
from newel.registration.step.signing import Current, SignResult, complete_use, read_request
from newel.registration.step.subject import check_key
from newel.runtime.clock import Clock
from newel.runtime.entropy import random_bytes
from newel.runtime.errors import ErrorType, NewelError
from newel.step import renew_token
from newel.step.tokens import InvalidClaims


@dataclass(frozen=True, slots=True)
class RenewService:
    """Decides on ``/renew`` and ``/rekey``."""

    current: Current
    rules: TokenRules
    used: UsedTokens
    issuance: Issuance
    clock: Clock

    async def renew(self, peer: Peer, csr: str | None, request_id: str) -> SignResult:
        """The successor, for the key in ``csr`` where one is given, else for the same key.

        1. the provisioner that let the certificate through, as it is today; 2. its rules and the
        times; 3. the bearer token's claims and its one use; 4. the issuing authority, which compares
        the certificate octet by octet with its record and refuses revoked ones. Raises the refusal.
        """
        public_key = b""
        if csr is not None:
            request = read_request(csr)
            check_key(request)
            public_key = request.spki
        provisioner, credential = await self._provisioner(peer)
        self._check(peer, provisioner)
        renewal = pb.Renewal(
            certificate=peer.der,
            public_key=public_key,
            allow_expired=provisioner.limits.allow_renewal_after_expiry,
            max_validity_seconds=int(provisioner.limits.max_duration.total_seconds()),
            provisioner=provisioner.statement(*credential),
            request_id=request_id,
        )
        try:
            certificate = await self._once(peer, provisioner, renewal)
        except NewelError as error:
            if error.type is not ErrorType.UNAUTHORIZED:
                raise
            raise unauthorized(error.cause) from error  # clients are told no more than of a token
        subject = renew_token.common_name(peer.certificate)
        return SignResult(certificate, provisioner.name, subject, ())

    async def _provisioner(self, peer: Peer) -> tuple[Provisioner, tuple[str, dict[str, str]]]:
        """By the certificate's extension, or by the record where it has none."""
        said = peer.provisioner
        if said is not None:
            kind, name, credential_id = said.type.name, said.name, said.credential_id
            pairs = dict(said.key_values)
        else:
            record = await self.issuance.find(pb.Lookup(certificate=peer.der))
            if record is None:
                raise unauthorized("the certificate is not one of the record")
            own = record.provisioner
            kind, name, credential_id = own.type, own.name, own.credential_id
            pairs = dict(own.key_values)
        provisioner = self.current.provisioners.of_certificate(kind, name, credential_id)
        if provisioner is None:
            raise unauthorized(f"cannot get provisioner from certificate: {kind} {name[:128]!r}")
        return provisioner, (credential_id, pairs)

    def _check(self, peer: Peer, provisioner: Provisioner) -> None:
        now = self.clock.now()
        if not provisioner.may_renew:
            raise unauthorized(f"renew is disabled for provisioner {provisioner.name!r}")
        if now < peer.certificate.not_valid_before_utc:
            raise unauthorized("the certificate is not yet valid")
        ended = peer.certificate.not_valid_after_utc
        if now > ended and not provisioner.limits.allow_renewal_after_expiry:
            raise unauthorized(
                "the certificate is expired",
                detail="The request lacked necessary authorization to be completed:"
                f" certificate expired on {ended:%Y-%m-%d %H:%M:%S} +0000 UTC",
            )
        if peer.token is not None:
            try:
                peer.token.check_claims(
                    self.rules.audiences,
                    provisioner.name,
                    now.timestamp(),
                    self.rules.longest_token,
                )
            except InvalidClaims as error:
                raise unauthorized(f"error validating renew token: {error}") from None

    async def _once(
        self, peer: Peer, provisioner: Provisioner, renewal: pb.Renewal
    ) -> pb.Certificate:
        """A bearer token renews once; a TLS connection as often as its holder likes."""
        now = self.clock.unix()
        if peer.token is None:
            renewal.idempotency_key = int(now).to_bytes(4, "big") + random_bytes(20)
            return await self.issuance.renew(renewal)
        claims, content = peer.token.token.claims, peer.token.token.key
        digest = hashlib.sha256(provisioner.id.encode() + b"\0renew\0" + content).digest()
        use = TokenUse(digest[:24], int(claims.exp or now))
        await use_once(self.used, use, peer.der + renewal.public_key, now, durable=False)
        renewal.idempotency_key = idempotency_key(use)
        return await complete_use(self.used, use, self.issuance.renew(renewal))
