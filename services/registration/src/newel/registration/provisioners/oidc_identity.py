"""The person that an ID token of an OpenID provider proves (OpenID Connect Core §2 and §5.1)."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import quote, urldefrag

import msgspec

from newel.crypto import names
from newel.crypto.dns_names import InvalidNameError
from newel.crypto.names import EmailAddress, GeneralName
from newel.registration.errors import forbidden_error, unauthorized_error
from newel.step.provisioners import OIDCProvisionerConfig
from newel.step.tokens import Token

_MAX_SUBJECT = 255  # characters, OpenID Connect Core §2
_UNVERIFIED = (False, "false", "False")
"""Without the claim, as from Microsoft Entra, the provider is trusted with its addresses."""
_FRAGMENT = "$&+,/:;=?@!()*"
"""What Go leaves as it is in the fragment of a URL, besides letters, digits and ``-._~``."""


class _Claims(msgspec.Struct):
    """The claims that say who someone is."""

    email: str | None = None
    email_verified: bool | str | None = None
    groups: list[str] | str | None = None
    """Some providers write a single group as a text."""
    nonce: str | None = None


_claims = msgspec.json.Decoder(_Claims)


class Identity(NamedTuple):
    """A person, and what the provisioner's record says of them."""

    subject: str
    email: EmailAddress | None
    is_admin: bool
    nonce: str


def read_identity(token: Token, record: OIDCProvisionerConfig) -> Identity:
    """Read the person from a verified token. Raises ``unauthorized`` for one who is not let in.

    1. the address is not one that the provider says is unverified; 2. its domain; 3. the groups.
    An administrator needs none of the domains, and a domain rule binds those without an address too.
    """
    try:
        claims = _claims.decode(token.payload)
    except ValueError as error:
        raise unauthorized_error(f"the ID token has claims of a wrong type: {error}") from None
    subject = token.claims.sub
    if not subject or len(subject) > _MAX_SUBJECT:
        raise unauthorized_error("the ID token has no subject of at most 255 characters (sub)")
    email = _address(claims)
    is_verified = claims.email_verified not in _UNVERIFIED
    if email is not None and not is_verified and not _allows_unverified(record):
        raise unauthorized_error("the provider has not verified the address (email_verified)")
    groups = [claims.groups] if isinstance(claims.groups, str) else claims.groups or []
    is_admin = _is_admin(email if is_verified else None, groups, record.admins or ())
    if record.domains and not is_admin:
        _require_domain(email, record.domains)
    if record.groups and not set(groups).intersection(record.groups):
        raise unauthorized_error("the ID token is for a member of no configured group (groups)")
    return Identity(subject, email, is_admin, claims.nonce or "")


def alternative_names(identity: Identity, issuer: str) -> tuple[GeneralName, ...]:
    """Return the names of a person's certificate: the address, and the issuer with the subject.

    The second is a URI (``https://idp.example#248289761001``), where the issuer is one. Raises
    ``forbidden`` when a certificate cannot carry it.
    """
    found: list[GeneralName] = [] if identity.email is None else [identity.email]
    if ":" in issuer:
        fragment = quote(identity.subject, safe=_FRAGMENT)
        try:
            found.append(names.uri(f"{urldefrag(issuer).url}#{fragment}"))
        except InvalidNameError as error:
            raise forbidden_error(f"the issuer of the ID token is no name: {error}") from None
    return tuple(found)


def login_names(address: str) -> list[str]:
    """Return the accounts that a person logs in to: by the local part, sanitized and as it is, and all.

    As step-ca derives them: in lower case, dots dropped, what is neither a letter, a digit nor a hyphen
    replaced by an underscore.
    """
    local = address.partition("@")[0]
    kept = [char for char in local.lower() if char != "."]
    plain = "".join(
        char if char.isascii() and (char.isalnum() or char == "-") else "_" for char in kept
    )
    return list(dict.fromkeys(filter(None, (plain, local, address))))


def _allows_unverified(record: OIDCProvisionerConfig) -> bool:
    return record.newel is not None and record.newel.allow_unverified_email


def _address(claims: _Claims) -> EmailAddress | None:
    """Return the e-mail address; None without one."""
    if not claims.email:
        return None
    try:
        return names.email_address(claims.email)
    except InvalidNameError as error:
        raise unauthorized_error(f"the ID token's e-mail address: {error} (email)") from None


def _is_admin(email: EmailAddress | None, groups: Iterable[str], admins: Sequence[str]) -> bool:
    """Tell whether the address or a group is listed: the domain in any case, all else exactly."""
    if not admins:
        return False
    if email is not None and any(email.value == _lower_domain(each) for each in admins):
        return True
    return not set(groups).isdisjoint(admins)


def _lower_domain(address: str) -> str:
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{domain.lower()}"


def _require_domain(email: EmailAddress | None, domains: Iterable[str]) -> None:
    if email is None:
        raise unauthorized_error("the ID token has no e-mail address to compare with the domains")
    domain = email.value.rpartition("@")[2]
    if not any(domain == each.lower() for each in domains):
        raise unauthorized_error(
            f"email {email.value[:128]!r} is not allowed: its domain is not one of the configured"
        )
