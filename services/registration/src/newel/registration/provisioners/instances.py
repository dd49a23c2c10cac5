"""Instances of a cloud, admitted by what the cloud signed: the common part of AWS, GCP and Azure.

Nothing in a cloud's token says which names an instance may have. So an instance is trusted with any name,
once (trust on first use), or with the names that its cloud gives it and no others (``disableCustomSANs``).
"""

import datetime as dt
import hashlib
from functools import partial
from typing import NamedTuple, TypeAlias

from newel.durations.go import parse_duration
from newel.registration.errors import unauthorized_error
from newel.registration.issuance import ProvisionerRef
from newel.registration.provisioners.grant import (
    Grant,
    LeafKind,
    NameRule,
    RevocationGrant,
    TokenUse,
)
from newel.registration.provisioners.key_set_sources import require_https
from newel.registration.provisioners.provisioner import (
    Provisioner,
    ProvisionerContext,
    TokenRules,
    token_use,
)
from newel.registration.provisioners.ssh_grant import HOSTS, NO_OPTIONS, SSHChoice, SSHGrant
from newel.step.audiences import Method
from newel.step.provisioners import (
    AWSProvisionerConfig,
    AzureProvisionerConfig,
    GCPProvisionerConfig,
)
from newel.step.tokens import SSHOptions, Token, UnverifiedToken

NEVER = 253_402_300_799
"""The end of the year 9999, in seconds since 1970: the first use of an instance is not forgotten."""
_MAX_NAME = 253
_KEY_SIZE = 24

InstanceRecord: TypeAlias = AWSProvisionerConfig | GCPProvisionerConfig | AzureProvisionerConfig


class Instance(NamedTuple):
    """What a verified token says of the instance it was given to."""

    token: Token
    id: str
    """What tells it from every other instance of its cloud."""
    subject: str
    """The common name of templates."""
    own_names: tuple[str, ...]
    """The names its cloud gives it."""
    common_names: tuple[str, ...]
    """The common names it may ask for when it may have no names but its own."""
    reference: ProvisionerRef
    principal: str
    """What webhooks are told of it."""


class InstanceProvisioner(Provisioner):
    """A provisioner that admits the instances of one cloud."""

    def __init__(self, record: InstanceRecord, context: ProvisionerContext) -> None:
        super().__init__(record, context)
        self._has_own_names_only = record.disable_custom_sans
        self._is_trusted_once = not record.disable_trust_on_first_use

    def identify(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime, method: Method
    ) -> Instance:
        """Verify a token, made for ``method``, and return the instance that it proves. Raises NewelError."""
        raise NotImplementedError

    def authorize_sign(self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime) -> Grant:
        """Verify a token and return the grant of the instance."""
        return self.grant(self.identify(token, rules, now, Method.SIGN))

    def authorize_ssh_sign(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> SSHGrant:
        """Verify a token and return its grant: certificates of hosts alone."""
        self.require_ssh()
        return self.grant_host(self.identify(token, rules, now, Method.SSH_SIGN))

    def grant_host(self, instance: Instance) -> SSHGrant:
        """Grant a verified instance the certificate of a host, under the names it may have."""
        own_only = self._has_own_names_only
        return SSHGrant(
            provisioner=instance.reference,
            use=self.use(instance),
            subject=instance.subject,
            types=HOSTS,
            type="host",
            key_id=instance.subject,
            principals=instance.own_names,
            limits=self.limits,
            identity=partial(self.grant, instance),
            choice=SSHChoice.NOTHING if own_only else SSHChoice.PRINCIPALS,
            options=SSHOptions(principals=list(instance.own_names)) if own_only else NO_OPTIONS,
            payload=instance.token.payload,
            principal=instance.principal,
        )

    def authorize_revoke(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> RevocationGrant:
        """Refuse: the token of an instance names no certificate. Raises ``unauthorized``."""
        del token, rules, now
        raise unauthorized_error(f"tokens of {self.kind} provisioners revoke nothing")

    def grant(self, instance: Instance) -> Grant:
        """Grant a verified instance the names that it asks for, or its own. Raises NewelError."""
        own_only = self._has_own_names_only
        return Grant(
            provisioner=instance.reference,
            use=self.use(instance),
            subject=instance.subject,
            names=self.parse_names(instance.own_names) if own_only else (),
            common_names=instance.common_names if own_only else None,
            limits=self.limits,
            profile=self.profile,
            payload=instance.token.payload,
            name_rule=NameRule.SUBSET if own_only else NameRule.FROM_REQUEST,
            leaf=LeafKind.INSTANCE,
            principal=instance.principal,
        )

    def use(self, instance: Instance) -> TokenUse | None:
        """Identify the one use of the instance, or of this token where instances come again."""
        if self._is_trusted_once:
            return first_use(self.id, instance.id, instance.token.claims.issued_at)
        # its id (jti) names the instance
        return token_use(self.id, instance.token, b"content\0" + instance.token.key)


def first_use(provisioner_id: str, instance: str, issued_at: int = 0) -> TokenUse:
    """Identify the one use of an instance, which does not expire, by a token made at ``issued_at``.

    Its key begins the hash under which step-ca records the same instance.
    """
    digest = hashlib.sha256(f"{provisioner_id}.{instance}".encode()).digest()
    return use_of_digest(digest)._replace(issued_at=issued_at)


def use_of_digest(digest: bytes) -> TokenUse:
    """Identify a first use by the hash of provisioner and instance."""
    return TokenUse(digest[:_KEY_SIZE], NEVER)


def parse_age(text: str) -> dt.timedelta | None:
    """Parse ``instanceAge``; None for any age. Raises ValueError."""
    return (parse_duration(text) or None) if text else None


def check_age(created: dt.datetime | None, longest: dt.timedelta | None, now: dt.datetime) -> None:
    """Refuse an instance that is older than ``longest``, or does not say how old it is."""
    if longest is None:
        return
    if created is None:
        raise unauthorized_error("the instance does not say when it was created (instanceAge)")
    if now - created > longest:
        raise unauthorized_error("the instance is older than instanceAge")


def check_text(value: str, what: str) -> str:
    """Return a text that the cloud has to state, of a length that names have. Raises ``unauthorized``."""
    if not value or len(value) > _MAX_NAME:
        raise unauthorized_error(f"the token has no usable {what}")
    return value


def check_url(url: str, what: str) -> str:
    """Return an https URL without a user. Raises ValueError, which names the member it is from."""
    try:
        require_https(url)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None
    return url
