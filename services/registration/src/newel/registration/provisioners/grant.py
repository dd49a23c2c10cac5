"""A provisioner's permission for one request: the same record for every kind of provisioner."""

from typing import NamedTuple

from newel.crypto.names import GeneralName
from newel.registration.issuance import ProvisionerRef
from newel.registration.provisioners.limits import Limits


class TokenUse(NamedTuple):
    """The identity of one use of a token, for the database to decide on."""

    key: bytes
    """24 octets that are this token's alone."""
    expires_at: int
    """Seconds since 1970 after which the token would be refused anyway."""


class Grant(NamedTuple):
    """The names and limits of one certificate, and whom the provisioner proved."""

    provisioner: ProvisionerRef
    use: TokenUse
    subject: str
    """The token's subject: the common name of the certificate."""
    names: tuple[GeneralName, ...]
    """A request that names any must name exactly these of each kind."""
    common_names: tuple[str, ...]
    """The allowed common names of the request's own subject, which is not copied."""
    limits: Limits
    profile: str = ""
    request_fingerprint: str = ""
    """base64url SHA-256 of the one certification request it is for; ``""``: any."""
    payload: bytes = b""
    """The verified claims as JSON, for templates."""


class RevocationGrant(NamedTuple):
    """The right to revoke one certificate by its serial, and who has it."""

    use: TokenUse
    serial: str
    """The token's subject."""
