"""What a provisioner allows one request: the same record whatever kind the provisioner is of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from newel.crypto.names import GeneralName
from newel.registration.provisioners.limits import Limits


@dataclass(frozen=True, slots=True)
class Proof:
    """Who was proved to ask, as the provisioner extension and the records name it."""

    type: str
    """``JWK``, ``ACME`` …"""
    name: str
    subject: str
    """Whom the provisioner proved: the token's subject, the account."""
    credential_id: str = ""
    key_values: Mapping[str, str] = field(default_factory=dict[str, str])


class TokenUse(NamedTuple):
    """What makes one token one use, for the database to decide on."""

    key: bytes
    """24 octets that are this token's alone."""
    expires_at: int
    """Seconds since 1970 after which the token would be refused anyway."""


class Grant(NamedTuple):
    """The allowed identifiers and limits of one certificate, and who proved to be entitled to it."""

    proof: Proof
    use: TokenUse
    subject: str
    """The common name of the certificate."""
    names: tuple[GeneralName, ...]
    """Its names. A request that names any must name exactly these of each kind."""
    common_names: tuple[str, ...]
    """What the request's own subject may say; it is not copied."""
    limits: Limits
    profile: str = ""
    request_fingerprint: str = ""
    """base64url SHA-256 of the one request it is for; ``""``: any."""
    payload: bytes = b""
    """The claims as they were proved, JSON: for templates."""


@dataclass(frozen=True, slots=True)
class RevocationGrant:
    """The right to revoke one certificate by its serial, and who has it."""

    proof: Proof
    use: TokenUse
    serial: str
