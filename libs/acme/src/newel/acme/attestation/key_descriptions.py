"""KeyDescription, the extension of Android's key attestation certificates.

The schema is at https://source.android.com/docs/security/features/keystore/attestation#schema; of its
authorization lists only the members that decide here are read.
"""

import enum
from collections.abc import Iterator
from typing import NamedTuple

from newel.acme.attestation.errors import AttestationError
from newel.crypto import der

OID = "1.3.6.1.4.1.11129.2.1.17"
_ORIGIN, _SERIAL = 702, 713
_LONG_TAG = 0x1F
_CONTEXT, _CONSTRUCTED = 0x80, 0x20
_MAX_MEMBERS = 64
_MAX_TAG_OCTETS = 3


class SecurityLevel(enum.IntEnum):
    """Where a key is kept."""

    SOFTWARE = 0
    TRUSTED_ENVIRONMENT = 1
    STRONG_BOX = 2


class KeyDescription(NamedTuple):
    """A key as Android's secure hardware describes it."""

    security_level: int
    challenge: bytes
    serial: bytes | None
    """The device's serial number, as the hardware enforces it; None: it does not state one."""
    is_generated: bool
    """Whether the hardware made the key, instead of importing it."""


def parse_description(value: bytes) -> KeyDescription:
    """Parse the extension's value. Raises :class:`AttestationError`."""
    try:
        reader = der.Reader(der.only(value).content)
        reader.integer()  # attestationVersion
        level = _number(reader.read(der.ENUMERATED).content)
        reader.integer()  # keyMintVersion
        reader.read(der.ENUMERATED)
        challenge = reader.read(der.OCTET_STRING).content
        reader.read(der.OCTET_STRING)  # uniqueId
        reader.read(der.SEQUENCE)  # what software enforces
        enforced = dict(_members(reader.read(der.SEQUENCE).content))
        serial = enforced.get(_SERIAL)
        origin = enforced.get(_ORIGIN)
        return KeyDescription(
            level,
            challenge,
            None if serial is None else der.only(serial, der.OCTET_STRING).content,
            origin is not None and _number(der.only(origin, der.INTEGER).content) == 0,
        )
    except der.DERError as error:
        raise AttestationError(f"the key description cannot be read: {error}") from None


def _number(content: bytes) -> int:
    return int.from_bytes(content, "big", signed=True)


def _members(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the members of an AuthorizationList: number and content of each explicit tag (X.690 §8.1.2)."""
    offset = count = 0
    while offset < len(content):
        count += 1
        if count > _MAX_MEMBERS:
            raise der.DERError("an authorization list of too many members")
        number, offset = _read_tag(content, offset)
        size, offset = _read_length(content, offset)
        if offset + size > len(content):
            raise der.DERError("a member of an authorization list ends too early")
        yield number, content[offset : offset + size]
        offset += size


def _read_tag(content: bytes, offset: int) -> tuple[int, int]:
    first = content[offset]
    if first & 0xE0 != _CONTEXT | _CONSTRUCTED:
        raise der.DERError("a member of an authorization list without its tag")
    offset += 1
    if first & _LONG_TAG != _LONG_TAG:
        return first & _LONG_TAG, offset
    number = 0
    for octet in content[offset : offset + _MAX_TAG_OCTETS]:
        number, offset = number << 7 | octet & 0x7F, offset + 1
        if not octet & 0x80:
            return number, offset
    raise der.DERError("a tag of an authorization list is too long")


def _read_length(content: bytes, offset: int) -> tuple[int, int]:
    if offset >= len(content):
        raise der.DERError("a member of an authorization list ends too early")
    first = content[offset]
    offset += 1
    if first < 0x80:
        return first, offset
    octets = content[offset : offset + (first & 0x7F)]
    if not 0 < len(octets) == first & 0x7F <= 4:
        raise der.DERError("a length of an authorization list cannot be read")
    return int.from_bytes(octets, "big"), offset + len(octets)
