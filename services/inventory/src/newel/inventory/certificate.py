"""What the catalogue keeps of a certificate, read from its DER in a few microseconds.

The catalogue follows every issuance, so this reader walks the TLVs it needs instead of building the
whole object tree; the tests hold it against pyca's parser.
"""

import datetime as dt
import hashlib
import ipaddress
from functools import lru_cache
from typing import NamedTuple

_CONTEXT_3 = 0xA3  # TBSCertificate.extensions, RFC 5280 §4.1
_VERSION = 0xA0
_UTC_TIME = 0x17
_BOOLEAN = 0x01
_COMMON_NAME = bytes.fromhex("0603550403")  # OBJECT IDENTIFIER 2.5.4.3
_SUBJECT_ALT_NAME = bytes.fromhex("0603551d11")  # OBJECT IDENTIFIER 2.5.29.17
_ENCODINGS = {0x1E: "utf-16-be", 0x1C: "utf-32-be"}  # BMPString, UniversalString; the rest is UTF-8
_TEXT_NAMES = {0x81: "email", 0x82: "dns", 0x86: "uri"}  # GeneralName, RFC 5280 §4.2.1.6
_IP_ADDRESS = 0x87

X509, SSH_USER, SSH_HOST = "x509", "ssh-user", "ssh-host"
"""Types of certificates."""


class UnreadableCertificateError(ValueError):
    """The octets are not an X.509 certificate of RFC 5280's shape."""


class CertificateFacts(NamedTuple):
    """The facts of one certificate; times in seconds since 1970."""

    serial: bytes  # big-endian, no leading zero octet
    common_name: str  # "" when the subject has none
    names: tuple[str, ...]  # "dns:a.example", "ip:192.0.2.1", "email:…", "uri:…", in their order
    not_before: int
    not_after: int
    fingerprint: bytes  # SHA-256 of the DER, of SSH of the wire form
    type: str = X509
    key_digest: bytes = b""  # SHA-256 of the SubjectPublicKeyInfo; empty where it cannot be read


def normalise_serial(serial: bytes) -> bytes:
    """Strip the sign octet that an INTEGER may start with."""
    return serial.lstrip(b"\0")


def read_certificate(der: bytes) -> CertificateFacts:
    """Read a certificate. Raises `UnreadableCertificateError` for anything else."""
    try:
        return _read(der)
    except (IndexError, ValueError) as error:
        raise UnreadableCertificateError("not an X.509 certificate") from error


def _read(der: bytes) -> CertificateFacts:
    _, at, _ = _header(der, 0)  # Certificate
    _, at, tbs_end = _header(der, at)  # TBSCertificate
    if der[at] == _VERSION:
        at = _header(der, at)[2]
    _, serial, at = _header(der, at)
    serial_number = normalise_serial(der[serial:at])
    at = _header(der, _header(der, at)[2])[2]  # signature, issuer
    _, start, at = _header(der, at)  # validity
    _, subject, subject_end = _header(der, at)
    not_before, start = _time(der, start)
    not_after, _ = _time(der, start)
    at = _header(der, subject_end)[2]
    public_key = der[subject_end:at]  # subjectPublicKeyInfo
    names: tuple[str, ...] = ()
    while at < tbs_end:
        tag, content, at = _header(der, at)
        if tag == _CONTEXT_3:
            names = _subject_alt_names(der, content)
    return CertificateFacts(
        serial=serial_number,
        common_name=_common_name(der, subject, subject_end),
        names=names,
        not_before=not_before,
        not_after=not_after,
        fingerprint=hashlib.sha256(der).digest(),
        key_digest=hashlib.sha256(public_key).digest(),
    )


def _header(der: bytes, at: int) -> tuple[int, int, int]:
    """Return the tag at ``at``, where its contents begin and where they end (X.690 §8.1)."""
    length = der[at + 1]
    start = at + 2
    if length & 0x80:
        octets = length & 0x7F
        start += octets
        length = int.from_bytes(der[start - octets : start])
    end = start + length
    if end > len(der):
        raise IndexError(end)
    return der[at], start, end


def _time(der: bytes, at: int) -> tuple[int, int]:
    """Return the time at ``at`` in seconds since 1970, and where the next value begins."""
    tag, start, end = _header(der, at)
    return _seconds(tag, der[start:end]), end


@lru_cache(maxsize=4096)  # certificates issued in the same second have the same times
def _seconds(tag: int, content: bytes) -> int:
    """Parse a UTCTime or GeneralizedTime ending in Z (RFC 5280 §4.1.2.5)."""
    text = content[:-1].decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    if content[-1:] != b"Z" or len(text) != 14:
        raise ValueError(text)
    year, rest = int(text[:4]), (int(text[at : at + 2]) for at in range(4, 14, 2))
    return int(dt.datetime(year, *rest, tzinfo=dt.UTC).timestamp())


def _common_name(der: bytes, at: int, end: int) -> str:
    """Return the last, most specific, CN of a Name; "" without one."""
    found = ""
    while at < end:
        _, inside, at = _header(der, at)  # RelativeDistinguishedName
        while inside < at:
            _, attribute, inside = _header(der, inside)
            if der.startswith(_COMMON_NAME, attribute):
                tag, start, stop = _header(der, attribute + len(_COMMON_NAME))
                found = der[start:stop].decode(_ENCODINGS.get(tag, "utf-8"), "replace")
    return found


def _subject_alt_names(der: bytes, at: int) -> tuple[str, ...]:
    _, at, end = _header(der, at)  # Extensions
    while at < end:
        if der[at + 1] < 0x80:  # most extensions are short, and most are not this one
            inside, at = at + 2, at + 2 + der[at + 1]
        else:
            _, inside, at = _header(der, at)
        if der.startswith(_SUBJECT_ALT_NAME, inside):
            inside += len(_SUBJECT_ALT_NAME)
            if der[inside] == _BOOLEAN:
                inside = _header(der, inside)[2]
            _, start, _ = _header(der, inside)  # OCTET STRING
            _, start, stop = _header(der, start)  # GeneralNames
            return _general_names(der, start, stop)
    return ()


def _general_names(der: bytes, at: int, end: int) -> tuple[str, ...]:
    names: list[str] = []
    while at < end:
        tag, start, at = _header(der, at)
        kind = _TEXT_NAMES.get(tag)
        if kind:
            names.append(f"{kind}:{der[start:at].decode('utf-8', 'replace')}")
        elif tag == _IP_ADDRESS:
            names.append(f"ip:{ipaddress.ip_address(der[start:at])}")
        else:
            names.append(f"other:{der[start:at].hex()}")
    return tuple(names)
