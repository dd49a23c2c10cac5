"""Key revocation lists of OpenSSH (PROTOCOL.krl): certificates by serial number or key id, by their CA's key."""

import operator
import sys
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from newel.crypto.ssh.wire import Reader, WireError, mpint, string

MAGIC = b"SSHKRL\n\0"
ANY_CA = b""
"""In the place of a CA's key: a certificate of any CA with this serial number is revoked."""

_FORMAT = 1
_CERTIFICATES, _EXPLICIT_KEY, _SHA1, _SIGNATURE, _SHA256, _EXTENSION = 1, 2, 3, 4, 5, 255
_LIST, _RANGE, _BITMAP, _KEY_IDS, _DETAIL = 0x20, 0x21, 0x22, 0x23, 0x39
_KNOWN = {_CERTIFICATES, _EXPLICIT_KEY, _SHA1, _SIGNATURE, _SHA256, _EXTENSION}

_GAP = 64
"""Bits: a serial number further away costs less in a list, of 8 octets each, than in a bitmap."""
_SPAN = 1 << 13
"""Bits of one bitmap: OpenSSH reads no number of more than 16,384."""
_HEAD = 5  # octets before each part: its type and length


class KRL(NamedTuple):
    """What a list says."""

    version: int
    generated: int
    """Seconds since 1970."""
    comment: str
    sections: int


class _Run(NamedTuple):
    """Serial numbers near each other, ascending."""

    serials: list[int]

    @property
    def span(self) -> int:
        return self.serials[-1] - self.serials[0] + 1


def encode(
    version: int,
    generated: int,
    revoked: Mapping[bytes, Iterable[int]],
    comment: str = "",
    key_ids: Collection[str] = (),
) -> bytes:
    """Return the list: for each CA's key in wire form, the serial numbers of its revoked certificates.

    ``version`` grows from list to list; ``generated`` is seconds since 1970. A certificate with one of
    ``key_ids`` is revoked whatever its number and its CA. Raises ValueError for a serial number that is
    not of 1 to 2**64 - 1: OpenSSH refuses the whole list for it.
    """
    found = [
        MAGIC,
        _FORMAT.to_bytes(4),
        version.to_bytes(8),
        generated.to_bytes(8),
        bytes(8),  # flags: none exist
        string(b""),  # reserved
        string(comment.encode()),
    ]
    for key, serials in sorted((key, _order(each)) for key, each in revoked.items()):
        if not serials:
            continue
        if serials[0] < 1 or serials[-1] >= 1 << 64:
            raise ValueError("a serial number in a KRL is from 1 to 2**64 - 1")
        body = string(key) + string(b"") + b"".join(_parts(serials))
        found += (bytes([_CERTIFICATES]), string(body))
    if key_ids:
        named = b"".join(string(each.encode()) for each in sorted(set(key_ids)))
        body = string(ANY_CA) + string(b"") + _part(_KEY_IDS, named)
        found += (bytes([_CERTIFICATES]), string(body))
    return b"".join(found)


def _order(serials: Iterable[int]) -> list[int]:
    """Return each number once, ascending; numbers that are so already, as a database gives them, cost little."""
    found = sorted(serials)
    if any(map(operator.eq, found, found[1:])):
        found = list(dict.fromkeys(found))
    return found


def _parts(serials: list[int]) -> Iterator[bytes]:
    """Encode runs as ranges or bitmaps where that is shorter than a list."""
    single: list[int] = []
    for near in _divide(serials, single):
        yield from _dense_parts(near, single)
    if single:
        yield _part(_LIST, _octets(sorted(single)))


def _divide(serials: list[int], single: list[int]) -> Iterator[list[int]]:
    """Yield the stretches of numbers that are near each other; those with none near go to ``single``.

    Nearly all numbers are random, and go there in whole slices.
    """
    gaps = map(operator.sub, serials[1:], serials)
    near = [place for place, gap in enumerate(gaps) if gap <= _GAP]
    done = place = 0
    while place < len(near):
        first = last = near[place]
        while place < len(near) and near[place] == last:
            last, place = last + 1, place + 1
        single += serials[done:first]
        done = last + 1
        yield serials[first:done]
    single += serials[done:]


def _dense_parts(serials: list[int], single: list[int]) -> Iterator[bytes]:
    """Encode numbers that are near each other; those that cost less in a list go to ``single``."""
    for run in _runs(serials):
        first, count = run.serials[0], len(run.serials)
        listed = 8 * count
        if count == run.span and listed > 16 + _HEAD:
            yield _part(_RANGE, first.to_bytes(8) + run.serials[-1].to_bytes(8))
        elif listed > run.span // 8 + 14 + _HEAD:
            bits = sum(1 << (each - first) for each in run.serials)
            yield _part(_BITMAP, first.to_bytes(8) + mpint(bits))
        else:
            single += run.serials


def _octets(serials: Sequence[int]) -> bytes:
    """Return numbers of eight octets each, big-endian."""
    numbers = array("Q", serials)
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers.tobytes()


def _runs(serials: list[int]) -> Iterator[_Run]:
    """Divide ascending numbers into contiguous runs and others whose members are near each other."""
    start = 0
    for place in range(1, len(serials) + 1):
        if place < len(serials):
            whole = place - start == serials[place - 1] - serials[start] + 1
            gap = serials[place] - serials[place - 1]
            near = gap <= _GAP and serials[place] - serials[start] < _SPAN
            if gap == 1 and (whole or near):
                continue
            if near and not (whole and place - start > _GAP):
                continue
        yield _Run(serials[start:place])
        start = place


def _part(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + string(body)


def parse(data: bytes) -> KRL:
    """Parse a whole list as strictly as sshd does. Raises WireError.

    sshd refuses every key while the list that its configuration names cannot be read: a host must
    never get one that this function refuses.
    """
    source = Reader(data)
    if source.octets(len(MAGIC)) != MAGIC:
        raise WireError("it is not a key revocation list")
    if source.uint32() != _FORMAT:
        raise WireError("the key revocation list has an unknown format")
    version, generated = source.uint64(), source.uint64()
    source.uint64()
    source.string()
    comment = source.text()
    sections = 0
    while not source.at_end:
        kind = source.byte()
        if kind not in _KNOWN:
            raise WireError(f"section type {kind} is unknown")
        body = source.read_nested()
        if kind == _CERTIFICATES:
            _check_certificates(body)
        elif kind in {_EXPLICIT_KEY, _SHA1, _SHA256}:
            body.strings()
        sections += 1
    return KRL(version, generated, comment, sections)


def _check_certificates(body: Reader) -> None:
    key = body.string()
    if key:
        Reader(key).string()
    body.string()
    while not body.at_end:
        kind = body.byte()
        if kind == _LIST:
            _check_list(body.string())
            continue
        part = body.read_nested()
        if kind == _RANGE:
            _check_range(part.uint64(), part.uint64())
            part.end()
        elif kind == _BITMAP:
            _check_bitmap(part.uint64(), part.string())
            part.end()
        elif kind == _KEY_IDS:
            part.strings()
        elif kind != _DETAIL:
            raise WireError(f"section type {kind} of certificates is unknown")


def _check_list(octets: bytes) -> None:
    if len(octets) % 8:
        raise WireError("it ends too early")
    if 0 in array("Q", octets):
        raise WireError("a range of serial numbers is empty or begins with zero")


def _check_range(low: int, high: int) -> None:
    if not 0 < low <= high:
        raise WireError("a range of serial numbers is empty or begins with zero")


def _check_bitmap(offset: int, bits: bytes) -> None:
    if not offset or len(bits) > 2 * _SPAN // 8 or bits[:1] >= b"\x80":
        raise WireError("a bitmap of serial numbers cannot be read")
    if offset + int.from_bytes(bits).bit_length() > 1 << 64:
        raise WireError("a bitmap of serial numbers goes beyond 64 bits")
