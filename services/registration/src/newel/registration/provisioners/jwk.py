"""JWK provisioners: one-time tokens signed by a key that the authority escrows encrypted."""

from collections.abc import Mapping

from newel.crypto import names
from newel.crypto.dns_names import STRICT, UNDERSCORES, InvalidNameError
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.registration.errors import forbidden, unauthorized
from newel.registration.provisioners.grant import Grant, Proof, RevocationGrant
from newel.registration.provisioners.limits import Limits
from newel.registration.provisioners.provisioner import Provisioner, TokenRules, token_use
from newel.step import jws
from newel.step.audiences import Method
from newel.step.jwk import to_public_key
from newel.step.provisioners import JWKProvisionerConfig
from newel.step.tokens import InvalidClaims, Token, UnverifiedToken


class JWKProvisioner(Provisioner):
    """One JWK provisioner."""

    def __init__(
        self, record: JWKProvisionerConfig, limits: Limits, *, active_revocation: bool
    ) -> None:
        super().__init__(record, limits, active_revocation=active_revocation)
        self.key_id = record.key.kid
        self.encrypted_key = record.encrypted_key
        self._verifier = jws.verifier(to_public_key(record.key))
        own = record.newel is not None and record.newel.allow_underscores
        self._names = UNDERSCORES if own else STRICT
        self._statement = super().statement(self.key_id)

    def accepts(self, credential_id: str) -> bool:
        """Only certificates let through by the same key are this provisioner's."""
        return credential_id == self.key_id

    def authorize_sign(self, token: UnverifiedToken, rules: TokenRules, now: float) -> Grant:
        """1. the provisioner's signature; 2. issuer, audience, times; 3. subject and names."""
        verified = self._verified(token, rules, Method.SIGN, now)
        claims = verified.claims
        if claims.step is not None and claims.step.ssh is not None:
            raise unauthorized("the token is for an SSH certificate (step.ssh)")
        sans = claims.sans or [claims.sub]
        try:
            allowed = names.parse_sans(sans, self._names)
        except InvalidNameError as error:
            raise forbidden(str(error)) from None
        return Grant(
            proof=Proof(self.kind, self.name, claims.sub, self.key_id),
            use=token_use(self.id, verified),
            subject=claims.sub,
            names=allowed,
            common_names=(claims.sub, *sans),
            limits=self.limits,
            profile=self.profile,
            request_fingerprint=claims.cnf.request if claims.cnf else "",
            payload=verified.payload,
        )

    def authorize_revoke(
        self, token: UnverifiedToken, rules: TokenRules, now: float
    ) -> RevocationGrant:
        """As for signing; the subject is the serial."""
        verified = self._verified(token, rules, Method.REVOKE, now)
        subject = verified.claims.sub
        proof = Proof(self.kind, self.name, subject, self.key_id)
        return RevocationGrant(proof, token_use(self.id, verified), subject)

    def statement(
        self, credential_id: str, key_values: Mapping[str, str] | None = None
    ) -> pb.Provisioner:
        """See Provisioner. There is one credential, so it is made once."""
        if credential_id != self.key_id or key_values:
            return super().statement(credential_id, key_values)
        return self._statement

    def _verified(
        self, token: UnverifiedToken, rules: TokenRules, method: Method, now: float
    ) -> Token:
        try:
            verified = token.verify(self._verifier)
            verified.check_times(now, longest=rules.longest_token)
        except (jws.BadSignature, InvalidClaims) as error:
            raise unauthorized(str(error)) from None
        claims = verified.claims
        if claims.iss != self.name:
            raise unauthorized("the token's issuer is not this provisioner (iss)")
        if not rules.audiences.accepts(method, claims.audience):
            raise unauthorized("the token is for another audience (aud)")
        if not claims.sub:
            raise unauthorized("the token has no subject (sub)")
        return verified
