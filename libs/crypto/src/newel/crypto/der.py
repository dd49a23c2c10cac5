"""The part of DER that X.509 needs: an encoder, and a strict reader that never recurses.

ITU-T X.690 §8 and §10. Bytes in, bytes out; a TLV is a tag octet, a length and a content.
"""

import datetime as dt
import functools
from collections.abc import Callable
from typing import Any, NamedTuple, cast

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
ENUMERATED = 0x0A
UTF8_STRING = 0x0C
PRINTABLE_STRING = 0x13
IA5_STRING = 0x16
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31

_FIRST_GENERALIZED_YEAR = 2050


class DERError(ValueError):
    """The octets are not the expected DER."""


def length(size: int) -> bytes:
    """Encode the length of a content of ``size`` octets, in the shortest form."""
    if size < 0x80:
        return bytes((size,))
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def header(tag: int, size: int) -> bytes:
    """Encode a one-octet tag and the length of a content of ``size`` octets."""
    return bytes((tag,)) + length(size)


def tlv(tag: int, content: bytes) -> bytes:
    """Encode ``content`` with a one-octet ``tag``."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    return header(tag, size) + content


def sequence(*parts: bytes) -> bytes:
    """Join encoded parts in a SEQUENCE."""
    return tlv(SEQUENCE, b"".join(parts))


def explicit(number: int, content: bytes) -> bytes:
    """Put ``[number] EXPLICIT``, or any constructed context tag, around encoded content."""
    return tlv(0xA0 | number, content)


@functools.lru_cache(maxsize=1024)
def oid(dotted: str) -> bytes:
    """Encode an OBJECT IDENTIFIER from its dotted form. Raises :class:`DERError`."""
    parts = dotted.split(".")
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise DERError(f"not an object identifier: {dotted!r}")
    first, second, *rest = (int(part) for part in parts)
    if first > 2 or (first < 2 and second > 39):
        raise DERError(f"not an object identifier: {dotted!r}")
    return tlv(OBJECT_IDENTIFIER, b"".join(_base128(arc) for arc in (first * 40 + second, *rest)))


def _base128(arc: int) -> bytes:
    octets = [arc & 0x7F]
    while arc := arc >> 7:
        octets.append(0x80 | (arc & 0x7F))
    return bytes(reversed(octets))


def decode_oid(content: bytes) -> str:
    """Decode the content octets of an OBJECT IDENTIFIER to dotted form. Raises :class:`DERError`."""
    if not content or content[-1] & 0x80:
        raise DERError("an object identifier ends in the middle of an arc")
    arcs: list[int] = []
    arc, fresh = 0, True
    for octet in content:
        if fresh and octet == 0x80:
            raise DERError("an object identifier's arc has a leading zero")
        arc, fresh = arc << 7 | octet & 0x7F, not octet & 0x80
        if fresh:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def integer(value: int) -> bytes:
    """Encode an INTEGER in the fewest octets; a leading zero octet keeps a high bit positive."""
    bits = (value if value >= 0 else ~value).bit_length()
    return tlv(INTEGER, value.to_bytes(bits // 8 + 1, "big", signed=True))


def enum_value(value: int) -> bytes:
    """Encode an ENUMERATED of a small value that is not negative."""
    return bytes((ENUMERATED,)) + integer(value)[1:]


def boolean(*, value: bool) -> bytes:
    """Encode a BOOLEAN; true is 0xFF in DER."""
    return b"\x01\x01\xff" if value else b"\x01\x01\x00"


def bit_string(content: bytes, unused: int = 0) -> bytes:
    """Encode a BIT STRING whose last octet has ``unused`` unused bits."""
    return tlv(BIT_STRING, bytes((unused,)) + content)


def octet_string(content: bytes) -> bytes:
    """Encode an OCTET STRING."""
    return tlv(OCTET_STRING, content)


def generalized_time(moment: dt.datetime) -> bytes:
    """Encode an aware time as a GeneralizedTime in whole seconds and Z (RFC 5280 §4.1.2.5.2)."""
    at = moment.astimezone(dt.UTC)
    text = f"{at.year:04d}{at.month:02d}{at.day:02d}{at.hour:02d}{at.minute:02d}{at.second:02d}Z"
    return b"\x18\x0f" + text.encode()


@functools.lru_cache(maxsize=256)  # a batch begins and ends in the same second
def time(moment: dt.datetime) -> bytes:
    """Encode a Time: UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5)."""
    at = moment.astimezone(dt.UTC)
    if 1950 <= at.year < _FIRST_GENERALIZED_YEAR:
        return (
            b"\x17\x0d"
            + (
                f"{at.year % 100:02d}{at.month:02d}{at.day:02d}"
                f"{at.hour:02d}{at.minute:02d}{at.second:02d}Z"
            ).encode()
        )
    return generalized_time(at)


class Element(NamedTuple):
    """A TLV: its tag, its content, and all its octets."""

    tag: int
    content: bytes
    raw: bytes


_element: Callable[[type[Element], tuple[int, bytes, bytes]], Element] = cast("Any", tuple).__new__
"""What a call of the class does, in half the time."""


class Reader:
    """A reader of the TLVs of some octets, in order, that refuses what DER forbids.

    Definite lengths in the shortest form, one-octet tags, nothing past the end. Every method raises
    :class:`DERError`. Time and memory are linear in the input; the caller bounds its size.
    """

    __slots__ = ("_data", "_end", "_offset")

    def __init__(self, data: bytes, offset: int = 0) -> None:
        self._data = data
        self._offset = offset
        self._end = len(data)

    @property
    def at_end(self) -> bool:
        """Whether everything was read."""
        return self._offset == self._end

    def peek(self) -> int:
        """Return the tag of the next element, or -1 at the end."""
        return self._data[self._offset] if self._offset < self._end else -1

    def read(self, tag: int | None = None) -> Element:
        """Read the next element; it must have ``tag`` if one is given."""
        start = self._offset
        found, body, end = self._header(tag)
        self._offset = end
        return Element(found, self._data[body:end], self._data[start:end])

    def enter(self, tag: int) -> int:
        """Enter the next element, which is constructed, and return the size of its content.

        Its content is read next, without a copy, then what follows the element.
        """
        _, self._offset, end = self._header(tag)
        return end - self._offset

    def _header(self, tag: int | None) -> tuple[int, int, int]:
        """Read the next header: the tag, where the content begins, and where it ends."""
        data, start = self._data, self._offset
        if start + 2 > self._end:
            raise DERError("the encoding ends where an element is expected")
        found, size = data[start], data[start + 1]
        if tag is not None and found != tag:
            raise DERError(f"found tag 0x{found:02x} where 0x{tag:02x} is expected")
        if found & 0x1F == 0x1F:
            raise DERError("tags of several octets are not supported")
        body = start + 2
        if size >= 0x80:
            octets = data[body : body + (size & 0x7F)]
            body += size & 0x7F
            size = _long_length(octets, body <= self._end)
        end = body + size
        if end > self._end:
            raise DERError("an element is longer than what holds it")
        return found, body, end

    def optional(self, tag: int) -> Element | None:
        """Read the next element if it has ``tag``, else return None."""
        return self.read(tag) if self.peek() == tag else None

    def sequence(self) -> "Reader":
        """Read the next element, a SEQUENCE, and return a reader of its content."""
        return Reader(self.read(SEQUENCE).content)

    def oid(self) -> str:
        """Read an OBJECT IDENTIFIER in dotted form."""
        return decode_oid(self.read(OBJECT_IDENTIFIER).content)

    def integer(self) -> int:
        """Read an INTEGER in its shortest form."""
        return int.from_bytes(self.integer_octets(), "big", signed=True)

    def integer_octets(self) -> bytes:
        """Read the content of an INTEGER in its shortest form; at least one octet."""
        content = self.read(INTEGER).content
        if not content:
            raise DERError("an integer has no octets")
        if len(content) > 1 and content[0] in {0, 0xFF} and content[0] >> 7 == content[1] >> 7:
            raise DERError("an integer is not in its shortest form")
        return content

    def boolean(self) -> bool:
        """Read a BOOLEAN."""
        content = self.read(BOOLEAN).content
        if content not in {b"\x00", b"\xff"}:
            raise DERError("a boolean is neither true nor false")
        return content == b"\xff"

    def bit_string(self) -> bytes:
        """Read the octets of a BIT STRING without unused bits."""
        content = self.read(BIT_STRING).content
        if not content or content[0]:
            raise DERError("a bit string is not made of whole octets")
        return content[1:]

    def end(self) -> None:
        """Raise :class:`DERError` unless everything was read."""
        if self._offset != self._end:
            raise DERError(f"{self._end - self._offset} octets are left over")


def only(data: bytes, tag: int = SEQUENCE) -> Element:
    """Read ``data`` as exactly one element."""
    size = len(data) - 2
    if 0 <= size < 0x80 and data[0] == tag and data[1] == size:  # the common case
        return Element(tag, data[2:], data)
    reader = Reader(data)
    element = reader.read(tag)
    reader.end()
    return element


def split(run: bytes) -> list[bytes]:
    """Split octets into whole elements: what a :class:`Reader` would read, in a third of the time."""
    elements: list[bytes] = []
    add, at, end = elements.append, 0, len(run)
    try:
        while at < end:
            size, after = run[at + 1], at + 2
            if size >= 0x80:
                after += size & 0x7F
                size = _long_length(run[at + 2 : after], after <= end)
            if run[at] & 0x1F == 0x1F:
                raise DERError("tags of several octets are not supported")
            after += size
            add(run[at:after])
            at = after
    except IndexError:
        raise DERError("the encoding ends where an element is expected") from None
    if at > end:  # the last one was cut short
        raise DERError("an element is longer than what holds it")
    return elements


def content(element: bytes) -> bytes:
    """Return the content of one element of :func:`split`."""
    return element[2:] if element[1] < 0x80 else element[2 + (element[1] & 0x7F) :]


def children(content: bytes) -> list[Element]:
    """Split a constructed content into elements: what a :class:`Reader` reads, faster."""
    found: list[Element] = []
    add, start, end = found.append, 0, len(content)
    try:
        while start < end:
            tag, size, body = content[start], content[start + 1], start + 2
            if size >= 0x80:
                body += size & 0x7F
                size = _long_length(content[start + 2 : body], body <= end)
            if tag & 0x1F == 0x1F:
                raise DERError("tags of several octets are not supported")
            after = body + size
            add(_element(Element, (tag, content[body:after], content[start:after])))
            start = after
    except IndexError:
        raise DERError("the encoding ends where an element is expected") from None
    if start > end:  # the last one was cut short
        raise DERError("an element is longer than what holds it")
    return found


def _long_length(octets: bytes, whole: bool) -> int:
    if not 1 <= len(octets) <= 4 or not whole:
        raise DERError("the length is indefinite, too long or cut short")
    size = int.from_bytes(octets, "big")
    if size < 0x80 or not octets[0]:
        raise DERError("the length is not in its shortest form")
    return size
