"""What a certificate, a request and a revocation list consist of, split into their parts (RFC 5280, RFC 2986).

Plain readers on newel.crypto.der, so that showing a certificate costs no library import.
"""

import datetime as dt
import re
from typing import NamedTuple

from newel.crypto import der

_UTC_TIME = re.compile(r"(\d{10})(\d\d)?(?:Z|([+-])(\d\d)(\d\d))", re.ASCII)
EXTENSION_REQUEST = "1.2.840.113549.1.9.14"


class Extension(NamedTuple):
    """One extension: its identifier, whether it is critical, and its DER value."""

    oid: str
    critical: bool
    value: bytes


class Certificate(NamedTuple):
    """A certificate; names, algorithm identifiers and the key stay in DER. Times are aware."""

    der: bytes
    tbs: bytes
    version: int
    serial: int
    algorithm: bytes
    issuer: bytes
    not_before: dt.datetime
    not_after: dt.datetime
    subject: bytes
    spki: bytes
    issuer_id: bytes
    subject_id: bytes
    extensions: tuple[Extension, ...]
    signature: bytes

    def extension(self, oid: str) -> bytes | None:
        """The value of an extension, None when there is none."""
        return next((e.value for e in self.extensions if e.oid == oid), None)


class Attribute(NamedTuple):
    """An attribute of a request: its identifier and its values in DER."""

    oid: str
    values: tuple[bytes, ...]


class Request(NamedTuple):
    """A certification request."""

    der: bytes
    info: bytes
    version: int
    subject: bytes
    spki: bytes
    attributes: tuple[Attribute, ...]
    extensions: tuple[Extension, ...]
    algorithm: bytes
    signature: bytes

    def extension(self, oid: str) -> bytes | None:
        """The value of a requested extension, None when there is none."""
        return next((e.value for e in self.extensions if e.oid == oid), None)


def certificate(data: bytes) -> Certificate:
    """Splits a certificate. Raises :class:`der.DerError`."""
    outer = der.Reader(der.only(data).content)
    tbs = outer.read(der.SEQUENCE)
    outer.read(der.SEQUENCE)
    signature = outer.bit_string()
    outer.end()
    inner = der.Reader(tbs.content)
    version = inner.optional(0xA0)
    number = der.Reader(version.content).integer() + 1 if version else 1
    serial = inner.integer()
    algorithm = inner.read(der.SEQUENCE).raw
    issuer = inner.read(der.SEQUENCE).raw
    validity = inner.sequence()
    not_before, not_after = moment(validity.read()), moment(validity.read())
    subject = inner.read(der.SEQUENCE).raw
    spki = inner.read(der.SEQUENCE).raw
    issuer_id, subject_id = inner.optional(0x81), inner.optional(0x82)
    wrapped = inner.optional(0xA3)
    inner.end()
    return Certificate(
        data, tbs.raw, number, serial, algorithm, issuer, not_before, not_after, subject, spki,
        issuer_id.content[1:] if issuer_id else b"", subject_id.content[1:] if subject_id else b"",
        extensions(der.only(wrapped.content).content) if wrapped else (), signature,
    )  # fmt: skip


def request(data: bytes) -> Request:
    """Splits a certification request. Raises :class:`der.DerError`."""
    outer = der.Reader(der.only(data).content)
    info = outer.read(der.SEQUENCE)
    algorithm = outer.read(der.SEQUENCE).raw
    signature = outer.bit_string()
    outer.end()
    inner = der.Reader(info.content)
    version = inner.integer()
    subject = inner.read(der.SEQUENCE).raw
    spki = inner.read(der.SEQUENCE).raw
    wrapped = inner.optional(0xA0)
    found = tuple(attribute(raw) for raw in der.split(wrapped.content)) if wrapped else ()
    wanted = next((a for a in found if a.oid == EXTENSION_REQUEST and a.values), None)
    asked = extensions(der.only(wanted.values[0]).content) if wanted else ()
    return Request(data, info.raw, version, subject, spki, found, asked, algorithm, signature)


def attribute(raw: bytes) -> Attribute:
    """One attribute of a request."""
    inner = der.Reader(der.only(raw).content)
    oid = inner.oid()
    values = (
        inner.read() if inner.peek() == der.SET else None
    )  # some have no set, or nothing at all
    return Attribute(oid, tuple(der.split(values.content)) if values else ())


def extensions(content: bytes) -> tuple[Extension, ...]:
    """The content of a SEQUENCE OF Extension."""
    found: list[Extension] = []
    for raw in der.split(content):
        inner = der.Reader(der.content(raw))
        oid = inner.oid()
        critical = inner.boolean() if inner.peek() == der.BOOLEAN else False
        found.append(Extension(oid, critical, inner.read(der.OCTET_STRING).content))
        inner.end()
    return tuple(found)


def moment(element: der.Element) -> dt.datetime:
    """A Time (RFC 5280 §4.1.2.5); two-digit years from 50 on are of the last century.

    Old certificates have a UTCTime without seconds, or with an offset (X.680 §47), which is counted in.
    """
    text = element.content.decode("ascii", "replace")
    offset = dt.timedelta(0)
    if element.tag == der.UTC_TIME:
        text, offset = seconds_of_utc(text)
    try:
        if element.tag == der.UTC_TIME:
            year = int(text[:2])
            text = f"{1900 + year if year >= 50 else 2000 + year}{text[2:]}"
        elif element.tag != der.GENERALIZED_TIME:
            raise der.DerError("a time is neither UTCTime nor GeneralizedTime")
        if len(text) != 15 or text[14] != "Z":
            raise der.DerError("a time is not in whole seconds of UTC")
        month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(4, 14, 2))
        return dt.datetime(int(text[:4]), month, day, hour, minute, second, tzinfo=dt.UTC) - offset
    except (ValueError, OverflowError) as error:
        raise der.DerError(f"a time cannot be read: {error}") from None


def seconds_of_utc(text: str) -> tuple[str, dt.timedelta]:
    """A UTCTime of any form as one in seconds that ends in Z, and its offset."""
    found = _UTC_TIME.fullmatch(text)
    if found is None:
        return text, dt.timedelta(0)
    minutes, seconds, sign, hours, rest = found.groups()
    offset = dt.timedelta(hours=int(hours or 0), minutes=int(rest or 0))
    return f"{minutes}{seconds or '00'}Z", -offset if sign == "-" else offset
