"""JWK provisioners: one-time tokens signed by a key that the authority escrows encrypted."""

import datetime as dt
from functools import partial

from newel.jose import jwk, jws
from newel.registration.provisioners import step_tokens
from newel.registration.provisioners.grant import Grant, RevocationGrant
from newel.registration.provisioners.provisioner import (
    Provisioner,
    ProvisionerContext,
    TokenRules,
    token_use,
)
from newel.registration.provisioners.ssh_grant import BOTH, SSHGrant, grant_options, read_options
from newel.step.audiences import Method
from newel.step.provisioners import JWKProvisionerConfig
from newel.step.tokens import Token, UnverifiedToken


class JWKProvisioner(Provisioner):
    """One JWK provisioner."""

    def __init__(self, record: JWKProvisionerConfig, context: ProvisionerContext) -> None:
        super().__init__(record, context)
        self.key_id = record.key.kid or ""
        self.encrypted_key = record.encrypted_key
        self._key = jws.require_verifying_key(jwk.to_public_key(record.key))
        self._reference = super().reference(self.key_id)

    def accepts(self, credential_id: str) -> bool:
        """Tell whether a certificate was admitted by the same key."""
        return credential_id == self.key_id

    def authorize_sign(self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime) -> Grant:
        """Verify a token and return its grant.

        1. the provisioner's signature; 2. issuer, audience, times; 3. subject and names.
        """
        verified = self._verify(token, rules, Method.SIGN, now)
        step_tokens.require_x509(verified)
        return self._grant(verified)

    def authorize_ssh_sign(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> SSHGrant:
        """Verify a token and return its grant: what the token fixes."""
        self.require_ssh()
        verified = self._verify(token, rules, Method.SSH_SIGN, now)
        return grant_options(
            verified,
            read_options(verified),
            BOTH,
            provisioner=self._reference,
            use=token_use(self.id, verified),
            limits=self.limits,
            identity=partial(self._grant, verified),
        )

    def authorize_ssh_revoke(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> RevocationGrant:
        """Verify a token whose subject is the serial of the SSH certificate to revoke."""
        verified = self._verify(token, rules, Method.SSH_REVOKE, now)
        return RevocationGrant(token_use(self.id, verified), verified.claims.sub)

    def _grant(self, verified: Token) -> Grant:
        claims = verified.claims
        sans = claims.sans or [claims.sub]
        return Grant(
            provisioner=self._reference,
            use=token_use(self.id, verified),
            subject=claims.sub,
            names=self.parse_names(sans),
            common_names=(claims.sub, *sans),
            limits=self.limits,
            profile=self.profile,
            request_fingerprint=claims.cnf.request if claims.cnf else "",
            payload=verified.payload,
        )

    def authorize_revoke(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> RevocationGrant:
        """Verify a token whose subject is the serial of the certificate to revoke."""
        verified = self._verify(token, rules, Method.REVOKE, now)
        return RevocationGrant(token_use(self.id, verified), verified.claims.sub)

    def _verify(
        self, token: UnverifiedToken, rules: TokenRules, method: Method, now: dt.datetime
    ) -> Token:
        return step_tokens.verify(token, self._key, rules, method, now, issuer=self.name)
