"""The objects of RFC 8555 §7.1. Unknown members are ignored, absent ones left out.

In requests a member that may be absent may also be ``null``: many languages write it so.
"""

from collections.abc import Sequence

import msgspec

from newel.acme.identifiers import Identifier
from newel.acme.problems import ACMEError, ErrorCode, Problem
from newel.jose import base64url
from newel.jose.errors import MalformedError


class Meta(msgspec.Struct, rename="camel", omit_defaults=True):
    """The directory's ``meta`` (§9.7.6)."""

    terms_of_service: str | None = None
    website: str | None = None
    caa_identities: tuple[str, ...] = ()
    external_account_required: bool = False
    profiles: dict[str, str] = {}
    """Descriptions of profiles by their names, the default first (draft-ietf-acme-profiles §3)."""
    subdomain_auth_allowed: bool = False
    """Whether an authorization can be for the domains below its own, too (RFC 9444 §4.4)."""


class Directory(msgspec.Struct, rename="camel", omit_defaults=True):
    """§7.1.1. ``meta`` is left out when it would be empty."""

    new_nonce: str
    new_account: str
    new_order: str
    revoke_cert: str
    key_change: str | None = None
    meta: Meta | None = None
    renewal_info: str | None = None
    """RFC 9773 §3: the identifier of a certificate follows it, after a slash."""
    new_authz: str | None = None


class NewAccount(msgspec.Struct, rename="camel"):
    """The payload of newAccount (§7.3). The binding stays raw: it is a JWS of its own."""

    contact: list[str] | None = None
    terms_of_service_agreed: bool | None = None
    only_return_existing: bool | None = None
    external_account_binding: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class AccountUpdate(msgspec.Struct):
    """The payload of a POST to an account (§7.3.2, §7.3.6)."""

    contact: list[str] | None = None
    status: str | None = None


class Account(msgspec.Struct, rename="camel", omit_defaults=True):
    """§7.1.2. ``orders`` is required."""

    status: str
    orders: str
    contact: tuple[str, ...] = ()
    terms_of_service_agreed: bool = False


class Orders(msgspec.Struct):
    """A page of an account's orders (§7.1.2.1)."""

    orders: list[str]


class RequestedIdentifier(Identifier, frozen=True, rename="camel"):
    """An identifier of newOrder or newAuthz, with what RFC 9444 §4 adds to it."""

    ancestor_domain: str | None = None
    """Of an order: the domain above it that the client can prove."""
    subdomain_auth_allowed: bool | None = None
    """Of newAuthz: whether the authorization is to be for the domains below, too."""


class NewAuthorization(msgspec.Struct):
    """The payload of newAuthz (§7.4.1)."""

    identifier: RequestedIdentifier


class NewOrder(msgspec.Struct, rename="camel"):
    """The payload of newOrder (§7.4). Times are RFC 3339."""

    identifiers: list[RequestedIdentifier]
    not_before: str | None = None
    not_after: str | None = None
    replaces: str | None = None
    """The identifier of the certificate that it replaces (RFC 9773 §5)."""
    profile: str | None = None
    """One of the directory's (draft-ietf-acme-profiles §4)."""


class Order(msgspec.Struct, rename="camel", omit_defaults=True):
    """§7.1.3."""

    status: str
    identifiers: list[Identifier]
    authorizations: list[str]
    finalize: str
    expires: str | None = None
    not_before: str | None = None
    not_after: str | None = None
    error: Problem | None = None
    certificate: str | None = None
    replaces: str = ""
    """RFC 9773 §5."""
    profile: str = ""
    """draft-ietf-acme-profiles §4."""


class Challenge(msgspec.Struct, rename="camel", omit_defaults=True):
    """§7.1.5 and §8."""

    type: str
    url: str
    status: str
    token: str = ""
    """``""``: dns-persist-01 has none."""
    validated: str | None = None
    error: Problem | None = None
    issuer_domain_names: Sequence[str] = msgspec.field(default=(), name="issuer-domain-names")
    """The authority's names in records of dns-persist-01."""
    account_uri: str = msgspec.field(default="", name="accounturi")
    """The account's, likewise."""


class Authorization(msgspec.Struct, rename="camel", omit_defaults=True):
    """§7.1.4. ``wildcard`` is present only when true."""

    status: str
    identifier: Identifier
    challenges: list[Challenge]
    expires: str | None = None
    wildcard: bool = False
    subdomain_auth_allowed: bool = False
    """RFC 9444 §4.1."""


class DeviceAttestation(msgspec.Struct, rename="camel"):
    """The payload that answers device-attest-01: an attestation object as base64url, or why there is none."""

    att_obj: str | None = None
    error: str | None = None


class AuthorizationUpdate(msgspec.Struct):
    """The payload that deactivates an authorization (§7.5.2)."""

    status: str


class Finalize(msgspec.Struct):
    """The payload of finalize (§7.4): the DER of a CSR as base64url."""

    csr: str


class Revocation(msgspec.Struct):
    """The payload of revokeCert (§7.6)."""

    certificate: str
    reason: int | None = None


def decode_der(text: str, what: str) -> bytes:
    """Return the octets of a member that holds DER in base64url, else raise ``malformed``."""
    try:
        return base64url.decode(text, what)
    except MalformedError as error:
        raise ACMEError(ErrorCode.MALFORMED, str(error)) from error
