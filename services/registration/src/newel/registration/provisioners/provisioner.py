"""A provisioner as the rest of the registration authority uses it, whatever its kind."""

import datetime as dt
import hashlib
import math
from collections.abc import Awaitable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from newel.crypto import names
from newel.crypto.dns_names import STRICT, UNDERSCORES, InvalidNameError
from newel.crypto.names import GeneralName
from newel.registration.errors import forbidden_error, malformed_error, unauthorized_error
from newel.registration.inventory import Inventory
from newel.registration.issuance import ProvisionerRef
from newel.registration.policy.levels import compile_policies
from newel.registration.provisioners.grant import Grant, RevocationGrant, TokenUse
from newel.registration.provisioners.limits import Limits
from newel.registration.webhooks.process import WebhookProcess
from newel.step.audiences import Audiences
from newel.step.provisioners import Newel, ProvisionerConfig, identity, kind, to_public
from newel.step.tokens import InvalidClaimsError, Token, UnverifiedToken
from newel.step.webhooks import WebhookConfig, read_webhooks

if TYPE_CHECKING:
    from newel.registration.provisioners.key_set_cache import KeySetCache
    from newel.registration.provisioners.ssh_grant import SSHGrant
    from newel.registration.provisioners.ssh_templates import SSHTemplate
    from newel.registration.provisioners.templates import LeafTemplate
    from newel.registration.webhooks.webhooks import Webhooks
    from newel.runtime.http.outgoing import OutgoingClient


class ProvisionerContext(NamedTuple):
    """What provisioners need from the process they run in. It outlives every reload of them."""

    limits: Limits
    """Those of the authority, which provisioners inherit."""
    active_revocation: bool
    outgoing: "OutgoingClient | None" = None
    """For key sets and reviews; None where nothing is fetched."""
    key_sets: "KeySetCache | None" = None
    """The key sets of identity providers, fetched by the same client."""
    webhooks: WebhookProcess | None = None
    """Calls webhooks; None where none can be called."""
    inventory: Inventory | None = None
    """Has the metadata of subjects and names; None where it is not connected."""
    resolvers: tuple[str, ...] = ()
    """The name servers of ACME's validations for provisioners that name none."""


Selector = tuple[str, str]
"""A claim (``id``, ``iss``, ``azp``, ``tid``, ``aud``) and the value that selects a provisioner."""


class TokenRules(NamedTuple):
    """The rules for all tokens, whichever provisioner verifies them."""

    audiences: Audiences
    max_duration: dt.timedelta
    """How far a token's expiry may lie ahead."""


class Provisioner:
    """One provisioner: its record, its limits, and how it decides. Kinds override ``authorize_*``."""

    def __init__(self, record: ProvisionerConfig, context: ProvisionerContext) -> None:
        """Inherit the authority's limits. Raises ValueError when the record cannot be used."""
        own = record.newel or Newel()
        self.record = record
        self.id = identity(record)
        self.kind = kind(record)
        self.name = record.name
        self.limits = context.limits.inherit(record.claims)
        self.profile = own.profile
        self.name_rules = UNDERSCORES if own.allow_underscores else STRICT
        self.template = load_template(record)
        self.ssh_template = load_ssh_template(record)
        self.policies = compile_policies(record.policy)
        hooks = read_webhooks(record.options)
        self.webhooks = _load_webhooks(record.name, hooks, context)
        self.inventory = context.inventory
        self.requires_inventory = own.require_inventory
        self.disabled = own.disabled
        self.revokes_any = own.revokes_any
        self.active_revocation = (
            context.active_revocation if own.active_revocation is None else own.active_revocation
        )

    @property
    def public(self) -> dict[str, Any]:
        """The record without secrets, as ``/provisioners`` lists it."""
        return to_public(self.record)

    @property
    def problem(self) -> str:
        """Why it admits no one for now, as an identity provider that is unreachable; ``""``: it does."""
        return ""

    @property
    def selectors(self) -> Sequence[Selector]:
        """Return the claims of a token by which it selects this provisioner, besides its id."""
        return ()

    @property
    def may_renew(self) -> bool:
        """Whether certificates of this provisioner may be renewed today."""
        return self.limits.allow_renewal and not self.disabled

    @property
    def max_duration(self) -> dt.timedelta:
        """The longest validity of its certificates."""
        return self.limits.max_duration

    def prepare(self, token: UnverifiedToken) -> Awaitable[None] | None:  # noqa: ARG002 - kinds that fetch look at it
        """Return the fetch that must precede ``authorize_*`` of a token, or None where none must.

        The fetch raises NewelError: ``unavailable`` when its source cannot be reached.
        """
        return None

    def authorize_sign(self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime) -> Grant:
        """Verify a token and return the grant it proves. Raises NewelError."""
        raise self._no_tokens(token, rules, now)

    def authorize_revoke(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> RevocationGrant:
        """Verify a token and return the right to revoke that it proves. Raises NewelError."""
        raise self._no_tokens(token, rules, now)

    def authorize_ssh_sign(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> "SSHGrant":
        """Verify a token and return the grant of an SSH certificate. Raises NewelError."""
        raise self._no_tokens(token, rules, now)

    def authorize_ssh_revoke(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> RevocationGrant:
        """Verify a token and return the right to revoke an SSH certificate. Raises NewelError."""
        raise self._no_tokens(token, rules, now)

    def require_ssh(self) -> None:
        """Raise ``unauthorized`` unless certificates for SSH are enabled (``enableSSHCA``)."""
        if not self.limits.enable_ssh:
            raise unauthorized_error(
                f"sshCA is disabled for {self.kind.lower()} provisioner '{self.name}'"
            )

    def parse_names(self, texts: Iterable[str]) -> tuple[GeneralName, ...]:
        """Parse the names of a token or another proof. Raises ``forbidden``."""
        try:
            return names.parse_sans(texts, self.name_rules)
        except InvalidNameError as error:
            raise forbidden_error(str(error)) from None

    def _no_tokens(
        self, _token: UnverifiedToken, _rules: TokenRules, _now: dt.datetime
    ) -> Exception:
        return malformed_error(
            "token flow is not supported",
            cause=f"a token names the {self.kind} provisioner {self.name!r}",
        )

    def accepts(self, credential_id: str) -> bool:  # noqa: ARG002 - kinds with credentials look at it
        """Tell whether a certificate with this credential id was admitted by this provisioner."""
        return True

    def reference(
        self, credential_id: str = "", key_values: tuple[tuple[str, str], ...] = ()
    ) -> ProvisionerRef:
        """Name this provisioner for the record and the step extension of a certificate."""
        return ProvisionerRef(
            self.kind,
            self.name,
            credential_id,
            key_values,
            self.may_renew,
            not self.limits.include_extension,
        )


def load_template(record: ProvisionerConfig) -> "LeafTemplate | None":
    """Load the record's X.509 template. Raises ValueError when it cannot be used.

    The template language is imported only where a provisioner has a template.
    """
    if not record.options or not record.options.get("x509"):
        return None
    from newel.registration.provisioners.templates import LeafTemplate

    return LeafTemplate.from_options(record.options)


def load_ssh_template(record: ProvisionerConfig) -> "SSHTemplate | None":
    """Load the record's template of SSH certificates. Raises ValueError when it cannot be used."""
    if not record.options or not record.options.get("ssh"):
        return None
    from newel.registration.provisioners.ssh_templates import SSHTemplate

    return SSHTemplate.from_options(record.options)


def _load_webhooks(
    name: str, hooks: Sequence[WebhookConfig], context: ProvisionerContext
) -> "Webhooks | None":
    """Load a provisioner's webhooks, if it has any. Raises ValueError when they cannot be used."""
    if not hooks:
        return None
    from newel.registration.webhooks.webhooks import Webhooks

    if context.webhooks is None:
        raise ValueError("options.webhooks: webhooks cannot be called here")
    return Webhooks(name, hooks, context.webhooks.caller)


def check_times(
    token: Token, now: dt.datetime, longest: dt.timedelta | None, *, detail: str = ""
) -> None:
    """Check the times of a verified token. Raises ``unauthorized``, with ``detail`` for the client.

    ``longest`` is how far its expiry may lie ahead; None: it may never expire.
    """
    max_lifetime = math.inf if longest is None else longest.total_seconds()
    try:
        token.check_times(
            now.timestamp(), max_lifetime=max_lifetime, needs_expiry=longest is not None
        )
    except InvalidClaimsError as error:
        raise unauthorized_error(str(error), detail=detail) from None


def token_use(provisioner_id: str, token: Token, id: bytes = b"") -> TokenUse:  # noqa: A002 - RFC 7519 calls it so
    """Derive the key of a token's one use: from its id, or else from the signed content.

    A kind whose tokens are told apart by something else than ``jti`` gives that as the ``id``.

    The provisioner is part of it, so that none can use up another provisioner's ids; the signature is
    not, because one content has many signatures.
    """
    claims = token.claims
    if claims.exp is None:
        raise unauthorized_error("token never expires (exp)")
    id = id or (b"jti\0" + claims.jti.encode() if claims.jti else b"content\0" + token.key)  # noqa: A001
    digest = hashlib.sha256(provisioner_id.encode() + b"\0" + id).digest()
    return TokenUse(digest[:24], int(claims.exp), claims.issued_at)
