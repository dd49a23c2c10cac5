"""OIDC provisioners: ID tokens of an OpenID provider, each good for one certificate of a person."""

import datetime as dt
from collections.abc import Awaitable, Sequence
from functools import partial

from newel.registration.errors import unauthorized_error
from newel.registration.provisioners.grant import (
    Grant,
    LeafKind,
    NameRule,
    RevocationGrant,
    TokenUse,
)
from newel.registration.provisioners.key_set_sources import discovery_url, share_discovered
from newel.registration.provisioners.oidc_identity import (
    Identity,
    alternative_names,
    login_names,
    read_identity,
)
from newel.registration.provisioners.provisioner import (
    Provisioner,
    ProvisionerContext,
    Selector,
    TokenRules,
    check_times,
    token_use,
)
from newel.registration.provisioners.ssh_grant import BOTH, USERS, SSHChoice, SSHGrant
from newel.step.provisioners import OIDCProvisionerConfig
from newel.step.tokens import Token, UnverifiedToken

_TENANT = "{tenantid}"


class OIDCProvisioner(Provisioner):
    """One OIDC provisioner. It is usable as soon as the provider has published its keys."""

    def __init__(self, record: OIDCProvisionerConfig, context: ProvisionerContext) -> None:
        """Read the record. Raises ValueError for one that names no client or no provider."""
        super().__init__(record, context)
        if not record.client_id:
            raise ValueError("clientID cannot be empty")
        if not record.configuration_endpoint:
            raise ValueError("configurationEndpoint cannot be empty")
        self._config = record
        if record.listen_address and ":" not in record.listen_address:
            raise ValueError("error parsing listenAddress: it has no port")
        try:
            url = discovery_url(record.configuration_endpoint)
        except ValueError as error:
            raise ValueError(f"configurationEndpoint: {error}") from None
        self._keys = share_discovered(context.key_sets, url)
        self._reference = super().reference(record.client_id)

    @property
    def problem(self) -> str:
        """Why no token can be verified now; ``""`` when they can."""
        return self._keys.problem

    @property
    def selectors(self) -> Sequence[Selector]:
        """ID tokens name the client they are for, and no provisioner."""
        return ("azp", self._config.client_id), ("aud", self._config.client_id)

    def accepts(self, credential_id: str) -> bool:
        """Tell whether a certificate was admitted for the same client."""
        return credential_id == self._config.client_id

    def prepare(self, token: UnverifiedToken) -> Awaitable[None] | None:
        """Return the fetch of the provider's keys where the token's is not at hand."""
        return self._keys.prepare(token.header.kid or "")

    def authorize_sign(self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime) -> Grant:
        """Verify an ID token and return its grant.

        A person gets the names that the token proves, whatever the request names. An administrator
        gets the names and the subject of the request, unless the provisioner has a template.
        """
        return self._grant(*self._identify(token, rules, now))

    def authorize_ssh_sign(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> SSHGrant:
        """Verify an ID token: a person logs in under the names of the address, an administrator under any.

        Raises ``unauthorized`` for a person without an address, who has no name to log in with.
        """
        self.require_ssh()
        verified, identity = self._identify(token, rules, now)
        if identity.email is None and not identity.is_admin:
            raise unauthorized_error("the ID token has no address to log in with (email)")
        free = identity.is_admin and self.ssh_template is None
        address = identity.email.value if identity.email is not None else identity.subject
        return SSHGrant(
            provisioner=self._reference,
            use=self._use(verified, identity),
            subject=identity.subject,
            types=BOTH if identity.is_admin else USERS,
            type="user",
            key_id=address,
            principals=login_names(address),
            limits=self.limits,
            identity=partial(self._grant, verified, identity),
            choice=SSHChoice.ALL if free else SSHChoice.NOTHING,
            payload=verified.payload,
        )

    def _grant(self, verified: Token, identity: Identity) -> Grant:
        free = identity.is_admin and self.template is None
        return Grant(
            provisioner=self._reference,
            use=self._use(verified, identity),
            subject=identity.subject,
            names=alternative_names(identity, verified.claims.iss),
            common_names=None,
            limits=self.limits,
            profile=self.profile,
            payload=verified.payload,
            name_rule=NameRule.FROM_REQUEST if free else NameRule.IGNORED,
            leaf=LeafKind.ADMIN if free else LeafKind.LEAF,
        )

    def authorize_ssh_revoke(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> RevocationGrant:
        """Verify an administrator's ID token, which names no serial. Raises NewelError."""
        return self.authorize_revoke(token, rules, now)

    def authorize_revoke(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> RevocationGrant:
        """Verify an administrator's ID token, which names no serial. Raises NewelError."""
        verified, identity = self._identify(token, rules, now)
        if not identity.is_admin:
            raise unauthorized_error("cannot revoke with non-admin oidc token")
        return RevocationGrant(self._use(verified, identity), None, identity.subject)

    def _use(self, token: Token, identity: Identity) -> TokenUse:
        # a provider that repeats nonces lets no person use up the token of another
        own = f"nonce\0{identity.nonce}\0{identity.subject}" if identity.nonce else ""
        return token_use(self.id, token, own.encode())

    def _identify(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> tuple[Token, Identity]:
        """Verify an ID token (OpenID Connect Core §3.1.3.7) and read whom it proves.

        1. the provider's signature; 2. the times; 3. issuer, audience and authorized party; 4. the
        person.
        """
        verified, issuer = self._keys.verify(token)
        check_times(verified, now, rules.max_duration)
        claims = verified.claims
        if self._config.tenant_id:
            issuer = issuer.replace(_TENANT, self._config.tenant_id)
        if claims.iss != issuer:
            raise unauthorized_error(f"the token's issuer is not {issuer[:256]!r} (iss)")
        if self._config.client_id not in claims.audience:
            raise unauthorized_error("the token is for another client (aud)")
        if claims.azp != self._config.client_id and (claims.azp or len(claims.audience) > 1):
            raise unauthorized_error("the token was issued to another client (azp)")
        return verified, read_identity(verified, self._config)
