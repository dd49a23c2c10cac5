"""A provisioner's permission for one request: the same record for every kind of provisioner."""

import datetime as dt
import enum
from collections.abc import Mapping
from typing import Any, NamedTuple

from newel.crypto.names import GeneralName
from newel.registration.issuance import ProvisionerRef
from newel.registration.provisioners.limits import Limits

_NOTHING: Mapping[str, Any] = {}


class TokenUse(NamedTuple):
    """The identity of one use of a token, for the database to decide on."""

    key: bytes
    """24 octets that are this token's alone."""
    expires_at: int
    """Seconds since 1970 after which the token would be refused anyway."""
    issued_at: int = 0
    """When the token was made, in seconds since 1970; 0 when it does not say so."""


class NameRule(enum.Enum):
    """How the names of a certification request relate to those of the grant."""

    EXACT = "exact"
    """Of each kind none, or exactly the granted ones; the granted ones are certified."""
    SUBSET = "subset"
    """None but granted ones; all granted ones are certified."""
    FROM_REQUEST = "from request"
    """The request's names are certified: the provisioner trusts whom it proved."""
    IGNORED = "ignored"
    """The request's names count for nothing; the granted ones are certified."""


class LeafKind(enum.Enum):
    """The certificate of a provisioner without a template, as the step tools have them."""

    LEAF = "leaf"
    """The grant's subject as the common name."""
    INSTANCE = "instance"
    """The request's common name alone."""
    ADMIN = "admin"
    """The request's whole subject."""


class Window(NamedTuple):
    """The validity of the credential that proved the identity; its certificates stay within it."""

    not_before: dt.datetime
    not_after: dt.datetime


class Grant(NamedTuple):
    """The names and limits of one certificate, and whom the provisioner proved."""

    provisioner: ProvisionerRef
    use: TokenUse | None
    """None: the token may be used again."""
    subject: str
    """Whom the token proves: the common name of the certificate, where ``leaf`` takes none else."""
    names: tuple[GeneralName, ...]
    """What ``name_rule`` compares the request's names with."""
    common_names: tuple[str, ...] | None
    """The allowed common names of the request's own subject; None: any."""
    limits: Limits
    profile: str = ""
    request_fingerprint: str = ""
    """base64url SHA-256 of the one certification request it is for; ``""``: any."""
    payload: bytes = b""
    """The verified claims as JSON, for templates."""
    name_rule: NameRule = NameRule.EXACT
    leaf: LeafKind = LeafKind.LEAF
    window: Window | None = None
    template_data: Mapping[str, Any] = _NOTHING
    """Further variables of templates, by name: what the provisioner's kind proved."""
    certificate: bytes = b""
    """DER of the certificate that proved the identity; empty: none did.

    Webhooks are sent it, and one that this authority revoked proves nothing.
    """
    principal: str = ""
    """The instance or object that is proved, for webhooks; empty: the certificate's common name."""


class RevocationGrant(NamedTuple):
    """The right to revoke one certificate by its serial, and who has it."""

    use: TokenUse
    serial: str | None
    """The token's subject; None: the token names no certificate, but a person who may revoke any."""
    actor: str = ""
    """Who that is."""
    certificate: bytes = b""
    """DER of the certificate that proved the identity; empty: none did."""
