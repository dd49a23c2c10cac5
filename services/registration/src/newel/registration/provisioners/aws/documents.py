"""Instance identity documents of EC2, and whether one of AWS's keys signed them.

AWS publishes the document with three signatures: RSA over SHA-256 (128 octets, what step sends), the same by a
2,048-bit key in a CMS SignedData, and a DSA one over SHA-1, which is not accepted here.
"""

import datetime as dt
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from newel.registration.provisioners.aws import signed_data
from newel.registration.provisioners.aws.document_keys import DocumentKeys

MAX_DOCUMENT = 16 * 1024
"""Octets; real documents have about 500."""
MAX_SIGNATURE = 32 * 1024
_MAX_MEMBER = 64
_BARE_SIZES = {128, 256, 384, 512}


class InvalidDocumentError(ValueError):
    """The document does not prove an instance; the message says why, for the audit trail."""


class _Members(msgspec.Struct, rename="camel"):
    """The members of a document that identify an instance; it has others."""

    account_id: str = ""
    instance_id: str = ""
    private_ip: str = ""
    region: str = ""
    pending_time: str | None = None


class IdentityDocument(NamedTuple):
    """A verified document."""

    account_id: str
    instance_id: str
    private_ip: str
    region: str
    pending_time: dt.datetime | None
    """When the instance was launched; None: the document does not say."""

    @property
    def private_name(self) -> str:
        """The name of the instance in the private DNS of its region."""
        return f"ip-{self.private_ip.replace('.', '-')}.{self.region}.compute.internal"


def verify_document(document: bytes, signature: bytes, keys: DocumentKeys) -> IdentityDocument:
    """Return the document if a key of its region signed it. Raises InvalidDocumentError.

    The region is read first, only to choose the keys: a key of another region or partition counts for
    nothing, so that no region can speak for the instances of another.
    """
    if len(document) > MAX_DOCUMENT or len(signature) > MAX_SIGNATURE:
        raise InvalidDocumentError("the identity document or its signature is too long")
    members = _read_members(document)
    found = keys.find(members.region)
    if not found:
        raise InvalidDocumentError(
            f"no key of AWS for the region {members.region!r} is known; iidRoots names others"
        )
    if not any(_is_signed(document, signature, key) for key in found):
        raise InvalidDocumentError("no key of its region signed the identity document")
    return IdentityDocument(
        members.account_id,
        members.instance_id,
        members.private_ip,
        members.region,
        _read_time(members.pending_time),
    )


def _read_members(document: bytes) -> _Members:
    try:
        members = msgspec.json.decode(document, type=_Members)
    except (ValueError, RecursionError) as error:
        raise InvalidDocumentError(f"the identity document cannot be read: {error}"[:200]) from None
    for name in ("account_id", "instance_id", "private_ip", "region"):
        value = getattr(members, name)
        if not value or len(value) > _MAX_MEMBER:
            raise InvalidDocumentError(f"the identity document has no usable {name}")
    return members


def _read_time(text: str | None) -> dt.datetime | None:
    if not text:
        return None
    try:
        moment = msgspec.convert(text, dt.datetime)
    except msgspec.ValidationError:
        raise InvalidDocumentError(
            "the pendingTime of the identity document is not a time"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _is_signed(document: bytes, signature: bytes, key: rsa.RSAPublicKey) -> bool:
    """Tell whether a key made the signature: a bare one is as long as a key, any other is a SignedData."""
    try:
        if len(signature) in _BARE_SIZES:
            key.verify(signature, document, padding.PKCS1v15(), hashes.SHA256())
        else:
            signed_data.verify(signature, document, key)
    except InvalidSignature:
        return False
    except signed_data.InvalidSignedDataError as error:
        raise InvalidDocumentError(f"the signature of the identity document: {error}") from None
    return True
