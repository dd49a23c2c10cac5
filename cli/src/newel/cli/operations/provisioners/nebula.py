"""Nebula's certificates, as far as to tell an authority's from a host's."""

import base64
import binascii

from newel.crypto import der

V1, V2 = b"NEBULA CERTIFICATE", b"NEBULA CERTIFICATE V2"
_DETAILS, _IS_AUTHORITY = 1, 8
"""Numbers of fields in the protobuf of version 1: the details, and in them whether it is an authority."""
_DETAILS_TAG, _IS_AUTHORITY_TAG = 0xA0, 0x84
"""The same in the DER of version 2."""
_VARINT, _OCTETS = 0, 2
_FIXED = {1: 8, 5: 4}


def is_authority(block: bytes, label: bytes) -> bool:
    """Say whether a PEM block is an authority's certificate. Raises ValueError for what is no certificate."""
    if label not in {V1, V2}:
        raise ValueError("it holds something else than Nebula certificates")
    try:
        octets = base64.b64decode(b"".join(block.splitlines()[1:-1]), validate=True)
    except binascii.Error:
        raise ValueError("a certificate in it is not base64") from None
    return _by_der(octets) if label == V2 else _by_protobuf(octets)


def _by_der(octets: bytes) -> bool:
    details = der.Reader(der.Reader(octets).sequence().read(_DETAILS_TAG).content)
    while not details.at_end:
        element = details.read()
        if element.tag == _IS_AUTHORITY_TAG:
            return element.content != b"\x00"
    return False


def _by_protobuf(octets: bytes) -> bool:
    details = _field(octets, _DETAILS)
    return isinstance(details, bytes) and bool(_field(details, _IS_AUTHORITY))


def _field(message: bytes, wanted: int) -> int | bytes:
    """Return the last value of a field, numbers or octets; 0 when it is not there. Raises ValueError."""
    found: int | bytes = 0
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
        elif kind == _OCTETS:
            size, at = _varint(message, at)
            value, at = message[at : at + size], at + size
        elif kind in _FIXED:
            value, at = b"", at + _FIXED[kind]
        else:
            raise ValueError("a certificate in it is not protobuf")
        if at > len(message):
            raise ValueError("a certificate in it ends early")
        found = value if number == wanted else found
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return a number in groups of seven bits, the lowest first, and where the next thing begins."""
    value = 0
    for count, octet in enumerate(message[at : at + 10]):
        value |= (octet & 0x7F) << 7 * count
        if octet < 0x80:
            return value, at + count + 1
    raise ValueError("a certificate in it ends early")
