"""Version 1 of Nebula's certificates: two messages of protobuf.

The certificate is ``{1: details, 2: signature}``; the details are ``{1: name, 2: networks, 3: unsafe
networks, 4: groups, 5: notBefore, 6: notAfter, 7: public key, 8: is CA, 9: issuer, 100: curve}``.
Networks are packed pairs of 32-bit numbers, an IPv4 address and its mask. The signature covers the
details, the fingerprint the whole. Protobuf has many encodings of one value and Nebula signs one of
them: fields in ascending order, none at its default, none unknown. No other is read here.
"""

from collections.abc import Iterator

from newel.crypto.nebula import records
from newel.crypto.nebula.records import NebulaCertificate, NebulaError, Network, require

_VARINT, _OCTETS = 0, 2
_DETAILS, _SIGNATURE = 1, 2
_NAME, _NETWORKS, _UNSAFE, _GROUPS, _NOT_BEFORE, _NOT_AFTER, _KEY, _IS_CA, _ISSUER = range(1, 10)
_CURVE = 100
_NUMBERS = {_NOT_BEFORE, _NOT_AFTER, _IS_CA, _CURVE}
_WIRE_TYPES = {
    number: _VARINT if number in _NUMBERS else _OCTETS for number in (*range(1, 10), _CURVE)
}
_MAX_VARINT = 10  # octets of 64 bits in groups of seven
_SIGN = 1 << 63
_MASKS = {(0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF: length for length in range(33)}


def parse(octets: bytes) -> NebulaCertificate:
    """Parse a certificate of version 1. Raises :class:`NebulaError`."""
    outer = dict(_fields(octets, {_DETAILS: _OCTETS, _SIGNATURE: _OCTETS}))
    details, signature = outer.get(_DETAILS, b""), outer.get(_SIGNATURE, b"")
    if not isinstance(details, bytes) or not isinstance(signature, bytes):  # the wire types say so
        raise NebulaError("not a Nebula certificate: a field has another type")
    numbers: dict[int, int] = {}
    texts: dict[int, bytes] = {}
    groups: list[str] = []
    for number, value in _fields(details, _WIRE_TYPES, repeated=_GROUPS):
        if isinstance(value, int):
            numbers[number] = value
        elif number == _GROUPS:
            groups.append(records.read_text(value))
        else:
            texts[number] = value
    return records.check(
        NebulaCertificate(
            version=1,
            name=records.read_text(texts.get(_NAME, b"")),
            networks=_networks(texts.get(_NETWORKS, b"")),
            unsafe_networks=_networks(texts.get(_UNSAFE, b"")),
            groups=tuple(groups),
            not_before=records.read_time(_to_signed(numbers.get(_NOT_BEFORE, 0))),
            not_after=records.read_time(_to_signed(numbers.get(_NOT_AFTER, 0))),
            is_ca=bool(numbers.get(_IS_CA, 0)),
            issuer=texts.get(_ISSUER, b"").hex(),
            curve=records.read_curve(numbers.get(_CURVE, 0)),
            public_key=texts.get(_KEY, b""),
            signed=details,
            signature=signature,
            encoded=octets,
        )
    )


def _fields(
    message: bytes, wire_types: dict[int, int], repeated: int = 0
) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a message: known, in ascending order, once but for the repeated one."""
    at = before = 0
    while at < len(message):
        key, at = _varint(message, at)
        number = key >> 3
        require(wire_types.get(number) == key & 7, f"field {number & 0xFFFF} is not expected")
        require(number > before or number == repeated == before, "its fields are out of order")
        before = number
        value, at = _varint(message, at)
        if key & 7 == _VARINT:
            require(value != 0, "a field is present and empty")
            yield number, value
            continue
        require(value <= len(message) - at, "it ends early")
        require(value != 0 or number == repeated, "a field is present and empty")
        yield number, message[at : at + value]
        at += value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Read a number of 64 bits in groups of seven, the lowest first, in the fewest octets."""
    value = 0
    for count, octet in enumerate(message[at : at + _MAX_VARINT]):
        value |= (octet & 0x7F) << 7 * count
        if octet < 0x80:
            require(value < 1 << 64, "a number is too large")
            require(octet != 0 or count == 0, "a number is not in its shortest form")
            return value, at + count + 1
    raise NebulaError("not a Nebula certificate: it ends early")


def _to_signed(value: int) -> int:
    return value - (1 << 64) if value & _SIGN else value


def _networks(packed: bytes) -> tuple[Network, ...]:
    numbers: list[int] = []
    at = 0
    while at < len(packed):
        number, at = _varint(packed, at)
        require(number < 1 << 32, "an address is longer than 32 bits")
        numbers.append(number)
    require(len(numbers) % 2 == 0, "an address has no mask")
    require(len(numbers) <= 2 * records.MAX_NETWORKS, "it has too many networks")
    return tuple(map(_network, numbers[::2], numbers[1::2]))


def _network(address: int, mask: int) -> Network:
    length = _MASKS.get(mask)
    if length is None:
        raise NebulaError("not a Nebula certificate: a mask has holes")
    return records.read_network(address.to_bytes(4, "big"), length)
