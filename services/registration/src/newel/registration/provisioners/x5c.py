"""X5C provisioners: tokens signed by the key of a certificate under the provisioner's roots."""

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from newel.crypto.reader.certificates import Certificate
from newel.registration.errors import unauthorized_error
from newel.registration.provisioners import step_tokens, x5c_chains
from newel.registration.provisioners.grant import Grant, RevocationGrant, Window
from newel.registration.provisioners.provisioner import (
    Provisioner,
    ProvisionerContext,
    TokenRules,
    token_use,
)
from newel.registration.provisioners.ssh_grant import BOTH, SSHGrant, grant_options, read_options
from newel.step.audiences import Method
from newel.step.provisioners import X5CProvisionerConfig
from newel.step.tokens import Token, UnverifiedToken


class X5CProvisioner(Provisioner):
    """One X5C provisioner."""

    def __init__(self, record: X5CProvisionerConfig, context: ProvisionerContext) -> None:
        """Read the roots. Raises ValueError."""
        super().__init__(record, context)
        self._roots = x5c_chains.read_roots(record.roots)
        self._reference = self.reference()

    def authorize_sign(self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime) -> Grant:
        """Verify a token and return its grant, which ends with the certificate that proved it.

        1. the chain in its header; 2. the token, by the leaf's key; 3. subject and names, which the
        holder of the certificate chooses.
        """
        path, verified = self._verify(token, rules, Method.SIGN, now)
        step_tokens.require_x509(verified)
        return self._grant(path, verified)

    def authorize_ssh_sign(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> SSHGrant:
        """Verify a token and return its grant, which ends with the certificate that proved it."""
        self.require_ssh()
        path, verified = self._verify(token, rules, Method.SSH_SIGN, now)
        leaf = path[0]
        return grant_options(
            verified,
            read_options(verified),
            BOTH,
            provisioner=self._reference,
            use=token_use(self.id, verified),
            limits=self.limits,
            identity=partial(self._grant, path, verified),
            window=Window(leaf.not_before, leaf.not_after),
            template_data=present(path) if self.ssh_template is not None else {},
            certificate=leaf.der,
        )

    def authorize_ssh_revoke(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> RevocationGrant:
        """Verify a token whose subject is the serial of the SSH certificate to revoke."""
        path, verified = self._verify(token, rules, Method.SSH_REVOKE, now)
        return RevocationGrant(
            token_use(self.id, verified), verified.claims.sub, certificate=path[0].der
        )

    def _grant(self, path: Sequence[Certificate], verified: Token) -> Grant:
        claims, leaf = verified.claims, path[0]
        return Grant(
            provisioner=self._reference,
            use=token_use(self.id, verified),
            subject=claims.sub,
            names=self.parse_names(claims.sans or [claims.sub]),
            common_names=(claims.sub,),
            limits=self.limits,
            profile=self.profile,
            request_fingerprint=claims.cnf.request if claims.cnf else "",
            payload=verified.payload,
            window=Window(leaf.not_before, leaf.not_after),
            template_data=present(path) if self.template is not None else {},
            certificate=leaf.der,
        )

    def authorize_revoke(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> RevocationGrant:
        """Verify a token whose subject is the serial of the certificate to revoke."""
        path, verified = self._verify(token, rules, Method.REVOKE, now)
        return RevocationGrant(
            token_use(self.id, verified), verified.claims.sub, certificate=path[0].der
        )

    def _verify(
        self, token: UnverifiedToken, rules: TokenRules, method: Method, now: dt.datetime
    ) -> tuple[list[Certificate], Token]:
        chain = x5c_chains.read_header(token.header.x5c)
        path = x5c_chains.verify_chain(chain, self._roots, now)
        verified = step_tokens.verify(
            token,
            x5c_chains.public_key(path[0]),
            rules,
            method,
            now,
            issuer=self.name,
            fragment=self.id,
        )
        return path, verified


def present(path: Sequence[Certificate]) -> Mapping[str, Any]:
    """Return what templates see of the chain. Raises ``unauthorized`` for one that cannot be read.

    The template language is imported only where a provisioner has a template.
    """
    from newel.certtemplates import credentials
    from newel.crypto.der import DERError

    try:
        chain = credentials.x509_chain(path)
    except DERError as error:
        raise unauthorized_error(f"a certificate cannot be read (x5c): {error}") from None
    return {"AuthorizationCrt": chain[0], "AuthorizationChain": chain}
