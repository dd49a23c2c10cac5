"""The entries of a long revocation list by serial number, without an object for each of them.

An index of a million entries takes a second to make; an entry is read when it is asked for.
"""

import datetime as dt
import re
from typing import NamedTuple

from cryptography import x509

from newel.crypto import der
from newel.crypto.loading import CertificateError

_REASON = "2.5.29.21"
_UNUSED_REASONS = frozenset({0, 7, 8})
_HIGHEST_REASON = 10
_LONG = 0x80
_HALF_CENTURY = 50
_TIME = re.compile(r"[0-9]{14}Z")


class RevokedEntry(NamedTuple):
    """An element of revokedCertificates (RFC 5280 §5.1.2.6)."""

    revoked_at: int  # seconds since 1970
    reason: int  # CRLReason, RFC 5280 §5.3.1; 0: unspecified


class CRLIndex:
    """The entries of one complete list, whose signature was verified."""

    def __init__(self, crl: x509.CertificateRevocationList) -> None:
        """Raise :class:`CertificateError` for entries that are no DER."""
        try:
            self._entries = revoked_certificates(crl)
            self._offsets = _index(self._entries)
        except (der.DERError, IndexError) as error:
            raise CertificateError(f"the entries of the list cannot be read: {error}") from None

    def __len__(self) -> int:
        return len(self._offsets)

    def find(self, serial: bytes) -> RevokedEntry | None:
        """Return the entry of a serial number, big-endian without leading zeros; None: it is not listed.

        Raises :class:`CertificateError` for an entry that cannot be understood.
        """
        offset = self._offsets.get(serial)
        if offset is None:
            return None
        try:
            return _read_entry(der.Reader(self._entries, offset))
        except (der.DERError, ValueError) as error:
            raise CertificateError(f"an entry of the list cannot be read: {error}") from None


def revoked_certificates(crl: x509.CertificateRevocationList) -> bytes:
    """Return the content of revokedCertificates, b"" where a list has none (RFC 5280 §5.1)."""
    tbs = crl.tbs_certlist_bytes
    start, end = _find_entries(tbs, depth=1)
    return tbs[start:end]


def find_entries(crl: bytes) -> tuple[int, int]:
    """Return where the content of revokedCertificates begins and ends in a CertificateList in DER.

    Without entries both are where it would be. Raises :class:`der.DERError`.
    """
    return _find_entries(crl, depth=2)


def _find_entries(octets: bytes, depth: int) -> tuple[int, int]:
    """``depth``: how many sequences are around the fields of a TBSCertList."""
    reader, at = der.Reader(octets), 0
    for _ in range(depth):
        at += len(der.header(der.SEQUENCE, reader.enter(der.SEQUENCE)))
    version = reader.optional(der.INTEGER)
    at += len(version.raw) if version else 0
    for _ in ("signature", "issuer", "thisUpdate"):
        at += len(reader.read().raw)
    if reader.peek() in {der.UTC_TIME, der.GENERALIZED_TIME}:
        at += len(reader.read().raw)  # nextUpdate
    if reader.peek() != der.SEQUENCE:
        return at, at
    size = reader.enter(der.SEQUENCE)
    at += len(der.header(der.SEQUENCE, size))
    return at, at + size


def _index(entries: bytes) -> dict[bytes, int]:
    """Return where each entry begins; written flat, because there may be a million."""
    offsets: dict[bytes, int] = {}
    at, end = 0, len(entries)
    while at < end:
        size = entries[at + 1]
        start = at + 2
        if size >= _LONG:
            start += size - _LONG
            size = int.from_bytes(entries[at + 2 : start], "big")
        if entries[at] != der.SEQUENCE or entries[start] != der.INTEGER or start + size > end:
            raise der.DERError("an entry is no sequence that begins with a serial number")
        length = entries[start + 1]
        if length >= _LONG:
            raise der.DERError("a serial number is too long")
        offsets[entries[start + 2 : start + 2 + length].lstrip(b"\0")] = at
        at = start + size
    return offsets


def _read_entry(reader: der.Reader) -> RevokedEntry:
    entry = reader.sequence()
    entry.read(der.INTEGER)
    revoked_at = _seconds(entry.read())
    reason = 0
    if not entry.at_end:
        extensions = entry.sequence()
        while not extensions.at_end:
            extension = extensions.sequence()
            oid = extension.oid()
            critical = extension.peek() == der.BOOLEAN and extension.boolean()
            value = extension.read(der.OCTET_STRING).content
            if oid == _REASON:
                reason = int.from_bytes(der.only(value, der.ENUMERATED).content, "big")
            elif critical:
                raise ValueError(f"its critical extension {oid} is not known")
    entry.end()
    if reason in _UNUSED_REASONS or reason > _HIGHEST_REASON:
        reason = 0  # the certificate is listed, whatever is said about why
    return RevokedEntry(revoked_at, reason)


def _seconds(element: der.Element) -> int:
    """Read a UTCTime or GeneralizedTime in the form of RFC 5280 §4.1.2.5."""
    text = element.content.decode("ascii")
    if element.tag == der.UTC_TIME:
        text = ("20" if int(text[:2]) < _HALF_CENTURY else "19") + text
    if not _TIME.fullmatch(text):
        raise ValueError("its time is not in whole seconds of UTC")
    at = dt.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=dt.UTC)
    return int(at.timestamp())
