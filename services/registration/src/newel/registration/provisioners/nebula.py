"""Nebula provisioners: tokens signed by the key of a host in a Nebula network."""

import base64
import binascii
import datetime as dt
from functools import partial

from newel.crypto.nebula import certificates
from newel.crypto.nebula.records import NebulaCertificate, NebulaError
from newel.registration.errors import forbidden_error, unauthorized_error
from newel.registration.provisioners import step_tokens
from newel.registration.provisioners.grant import Grant, NameRule, RevocationGrant, Window
from newel.registration.provisioners.provisioner import (
    Provisioner,
    ProvisionerContext,
    TokenRules,
    token_use,
)
from newel.registration.provisioners.ssh_grant import (
    HOSTS,
    SSHGrant,
    grant_options,
    read_options,
)
from newel.step.audiences import Method
from newel.step.provisioners import NebulaProvisionerConfig
from newel.step.tokens import Token, UnverifiedToken

_HEADER = "failed to parse token: nebula header is not valid"
_CERTIFICATE = "failed to parse nebula certificate: nebula header is not valid"
_AUTHORITY = "token is not valid: failed to verify certificate against configured CA"
"""What step-ca tells the client."""


class _Details(step_tokens.TokenDetails):
    signature = "token is not valid: signature does not match"
    claims = "token is not valid: invalid claims"


class NebulaProvisioner(Provisioner):
    """One Nebula provisioner."""

    def __init__(self, record: NebulaProvisionerConfig, context: ProvisionerContext) -> None:
        """Read the networks' authorities. Raises ValueError."""
        super().__init__(record, context)
        try:
            text = base64.b64decode(record.roots, validate=True).decode("ascii")
            self._authorities = certificates.Authorities(certificates.parse_pem(text))
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"roots: {error}") from None
        self._reference = self.reference()

    def authorize_sign(self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime) -> Grant:
        """Verify a token and return its grant, which ends with the host's certificate.

        1. the certificate in its header, by the networks' authorities; 2. the token, by the host's key;
        3. subject and names, which must be the host's own: its name and its addresses, and none else of
        its networks.
        """
        host, verified = self._verify(token, rules, Method.SIGN, now)
        step_tokens.require_x509(verified)
        return self._grant(host, verified)

    def _grant(self, host: NebulaCertificate, verified: Token) -> Grant:
        claims = verified.claims
        own = [host.name] if host.name else []
        own += [str(each.ip) for each in host.networks]
        allowed = self.parse_names(own)
        wanted = self.parse_names(claims.sans or own)
        for name in (*self.parse_names([claims.sub]), *wanted):
            if name not in allowed:
                raise forbidden_error(
                    f"the token names '{str(name)[:256]}', and the Nebula certificate is for"
                    f" {', '.join(map(str, allowed))[:512]}"
                )
        return Grant(
            provisioner=self._reference,
            use=token_use(self.id, verified),
            subject=claims.sub,
            names=wanted,
            common_names=(claims.sub,),
            limits=self.limits,
            profile=self.profile,
            request_fingerprint=claims.cnf.request if claims.cnf else "",
            payload=verified.payload,
            name_rule=NameRule.SUBSET,
            window=Window(host.not_before, host.not_after),
            template_data=self._present(host),
        )

    def authorize_ssh_sign(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> SSHGrant:
        """Verify a token and return its grant: a certificate of the host, under its own names."""
        self.require_ssh()
        host, verified = self._verify(token, rules, Method.SSH_SIGN, now)
        options = read_options(verified)
        own = {host.name, *(str(each.ip) for each in host.networks)} - {""}
        named = {verified.claims.sub, *(options.principals or ())}
        if not named <= own:
            raise forbidden_error(
                f"the token names '{min(named - own)[:256]}', and the Nebula certificate is for"
                f" {', '.join(sorted(own))[:512]}"
            )
        return grant_options(
            verified,
            options,
            HOSTS,
            provisioner=self._reference,
            use=token_use(self.id, verified),
            limits=self.limits,
            identity=partial(self._grant, host, verified),
            window=Window(host.not_before, host.not_after),
            template_data=self._present(host),
        )

    def _verify(
        self, token: UnverifiedToken, rules: TokenRules, method: Method, now: dt.datetime
    ) -> tuple[NebulaCertificate, Token]:
        host = self._verify_host(token, now)
        verified = step_tokens.verify(
            token,
            _host_key(host),
            rules,
            method,
            now,
            issuer=self.name,
            fragment=self.id,
            details=_Details,
        )
        return host, verified

    def authorize_revoke(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> RevocationGrant:
        """Refuse: a host revokes by the certificate itself, over TLS."""
        del token, rules, now
        raise unauthorized_error("nebula provisioner does not support revoke")

    def _verify_host(self, token: UnverifiedToken, now: dt.datetime) -> NebulaCertificate:
        encoded = token.header.nebula
        if encoded is None:
            raise unauthorized_error("failed to parse token: nebula header is missing")
        try:
            octets = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise unauthorized_error("the header is not base64 (nebula)", detail=_HEADER) from None
        try:
            host = certificates.parse(octets)
        except NebulaError as error:
            raise unauthorized_error(str(error), detail=_CERTIFICATE) from None
        try:
            self._authorities.verify(host, now)
        except NebulaError as error:
            raise unauthorized_error(str(error), detail=_AUTHORITY) from None
        return host

    def _present(self, host: NebulaCertificate) -> dict[str, object]:
        """Return what templates see; their language is imported only where there is one."""
        if self.template is None and self.ssh_template is None:
            return {}
        from newel.certtemplates import credentials

        return {"AuthorizationCrt": credentials.nebula_certificate(host)}


def _host_key(host: NebulaCertificate) -> certificates.HostKey:
    try:
        return certificates.host_key(host)
    except NebulaError as error:
        raise unauthorized_error(str(error), detail=_Details.signature) from None
