"""What callers ask of the issuing authority, and what is left of it once it is decided."""

import datetime as dt
from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from newel.crypto.distinguished_names import Attribute
from newel.crypto.extensions import Extension
from newel.crypto.names import GeneralName
from newel.issuing.issuers import Issuer
from newel.issuing.profiles import Profile, Validity
from newel.runtime.errors import ErrorType, NewelError

IDEMPOTENCY_KEY_SIZES = range(8, 65)
"""Octets an idempotency key may have."""

RequestIdentity: TypeAlias = tuple[bytes, bytes]
"""Idempotency key and public key digest: requests that share both are the same request."""


class Provisioner(NamedTuple):
    """The provisioner that authorized a certificate, as the registration authority verified it."""

    type: str
    name: str
    credential_id: str
    key_values: tuple[tuple[str, str], ...]  # sorted
    renewable: bool
    hide_extension: bool


class RequestedName(NamedTuple):
    """A subject alternative name as the caller spelled it: text, or the octets of an address."""

    kind: Literal["dns", "ip", "email", "uri", "permanent_identifier"] | None
    value: str | bytes


class IssueRequest(NamedTuple):
    """A request for a new certificate."""

    idempotency_key: bytes
    profile: str  # "" means the default
    public_key: bytes  # DER SubjectPublicKeyInfo whose possession was proved
    subject: Sequence[Attribute]
    names: Sequence[RequestedName]
    not_before: dt.datetime | None
    not_after: dt.datetime | None
    default_duration: dt.timedelta | None  # applies without not_after, before the profile's
    provisioner: Provisioner
    extensions: tuple[Extension, ...]
    key_usages: Sequence[str]
    extended_key_usages: Sequence[str]
    subject_of_proof: str
    request_id: str
    replaces: bytes | None = None  # serial of the predecessor in its lineage


class RenewalRequest(NamedTuple):
    """A request to renew a certificate, or to rekey it when it has a public key."""

    idempotency_key: bytes
    certificate: bytes
    public_key: bytes
    allow_expired: bool
    max_duration: dt.timedelta | None
    provisioner: Provisioner | None  # None keeps the one on record
    request_id: str


class RevocationRequest(NamedTuple):
    """A request to revoke one certificate, named by its serial or by its octets."""

    serial: bytes
    certificate: bytes | None
    reason: int
    reason_text: str
    active: bool
    actor: str
    provisioner: str
    request_id: str


class Lookup(NamedTuple):
    """The one thing that a certificate is looked up by; nothing finds nothing."""

    serial: bytes | None = None
    certificate: bytes | None = None
    idempotency_key: bytes | None = None


class AcceptedRequest(NamedTuple):
    """Everything that the certificate will contain, except its serial number and signature."""

    idempotency_key: bytes
    profile: Profile
    issuer: Issuer
    public_key: bytes
    key_digest: bytes
    subject: bytes
    names: tuple[GeneralName, ...]
    validity: Validity
    extensions: tuple[Extension, ...]
    provisioner: Provisioner
    subject_of_proof: str
    renewed_from: bytes | None
    request_id: str
    accepted_at: dt.datetime
    replaces: bytes | None = None
    """The predecessor of a new certificate, which unlike ``renewed_from`` may be revoked."""

    @property
    def identity(self) -> RequestIdentity:
        """The key under which the certificate is issued once: it never serves two public keys."""
        return self.idempotency_key, self.key_digest


class RefusedRequest(NamedTuple):
    """A request that cannot be accepted; its key may still have a certificate from earlier."""

    idempotency_key: bytes
    key_digest: bytes
    request_id: str
    error: NewelError

    @property
    def identity(self) -> RequestIdentity:
        """See :attr:`AcceptedRequest.identity`."""
        return self.idempotency_key, self.key_digest


class AnyRequest(Protocol):
    """A request for any kind of certificate that was decided: accepted or refused."""

    @property
    def idempotency_key(self) -> bytes:
        """The key under which one certificate is issued."""
        ...

    @property
    def key_digest(self) -> bytes:
        """SHA-256 of the SubjectPublicKeyInfo of the key to be certified."""
        ...

    @property
    def identity(self) -> RequestIdentity:
        """Both."""
        ...

    @property
    def request_id(self) -> str:
        """The id of the client's request."""
        ...


class AnyAcceptedRequest(AnyRequest, Protocol):
    """One that was accepted."""

    @property
    def renewed_from(self) -> bytes | None:
        """The serial of the certificate that it renews."""
        ...


AcceptedT = TypeVar("AcceptedT", bound=AnyAcceptedRequest)
AcceptedT_co = TypeVar("AcceptedT_co", bound=AnyAcceptedRequest, covariant=True)
AcceptedT_contra = TypeVar("AcceptedT_contra", bound=AnyAcceptedRequest, contravariant=True)

DecidedRequest: TypeAlias = AcceptedRequest | RefusedRequest


def malformed_error(detail: str) -> NewelError:
    """Return the error for a request that breaks a rule of its contract."""
    return NewelError(ErrorType.MALFORMED, detail)
