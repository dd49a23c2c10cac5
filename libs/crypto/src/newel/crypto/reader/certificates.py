"""Certificates and certification requests split into their fields (RFC 5280 §4.1, RFC 2986 §4)."""

import datetime as dt
import re
from typing import NamedTuple

from newel.crypto import der, oids

_UTC_TIME = re.compile(r"(\d{10})(\d\d)?(?:Z|([+-])(\d\d)(\d\d))", re.ASCII)


class Extension(NamedTuple):
    """An extension: its identifier, whether it is critical, and its value in DER."""

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
        """Return the value of an extension, or None."""
        return next((each.value for each in self.extensions if each.oid == oid), None)


class Attribute(NamedTuple):
    """An attribute of a request: its identifier and its values in DER."""

    oid: str
    values: tuple[bytes, ...]


class Request(NamedTuple):
    """A certification request; ``info`` is what its key signed."""

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
        """Return the value of a requested extension, or None."""
        return next((each.value for each in self.extensions if each.oid == oid), None)


def parse_certificate(data: bytes) -> Certificate:
    """Split a certificate. Raises :class:`der.DERError`."""
    tbs, signature = split_signed(data)
    inner = der.Reader(tbs.content)
    version = inner.optional(0xA0)
    number = der.Reader(version.content).integer() + 1 if version else 1
    serial = inner.integer()
    algorithm = inner.read(der.SEQUENCE).raw
    issuer = inner.read(der.SEQUENCE).raw
    validity = inner.sequence()
    not_before, not_after = parse_time(validity.read()), parse_time(validity.read())
    subject = inner.read(der.SEQUENCE).raw
    spki = inner.read(der.SEQUENCE).raw
    issuer_id, subject_id = inner.optional(0x81), inner.optional(0x82)
    wrapped = inner.optional(0xA3)
    inner.end()
    return Certificate(
        data,
        tbs.raw,
        number,
        serial,
        algorithm,
        issuer,
        not_before,
        not_after,
        subject,
        spki,
        issuer_id.content[1:] if issuer_id else b"",
        subject_id.content[1:] if subject_id else b"",
        parse_extensions(der.only(wrapped.content).content) if wrapped else (),
        signature,
    )


def parse_request(data: bytes) -> Request:
    """Split a certification request. Raises :class:`der.DERError`."""
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
    found = tuple(_parse_attribute(raw) for raw in der.split(wrapped.content)) if wrapped else ()
    wanted = next(
        (each for each in found if each.oid == oids.EXTENSION_REQUEST and each.values), None
    )
    asked = parse_extensions(der.only(wanted.values[0]).content) if wanted else ()
    return Request(data, info.raw, version, subject, spki, found, asked, algorithm, signature)


def split_signed(data: bytes) -> tuple[der.Element, bytes]:
    """Split ``SIGNED{…}`` into what is signed and the signature. Raises :class:`der.DERError`."""
    outer = der.Reader(der.only(data).content)
    tbs = outer.read(der.SEQUENCE)
    outer.read(der.SEQUENCE)
    signature = outer.bit_string()
    outer.end()
    return tbs, signature


def parse_extensions(content: bytes) -> tuple[Extension, ...]:
    """Split the content of a SEQUENCE OF Extension. Raises :class:`der.DERError`."""
    found: list[Extension] = []
    for raw in der.split(content):
        inner = der.Reader(der.content(raw))
        oid = inner.oid()
        critical = inner.boolean() if inner.peek() == der.BOOLEAN else False
        found.append(Extension(oid, critical, inner.read(der.OCTET_STRING).content))
        inner.end()
    return tuple(found)


def parse_time(element: der.Element) -> dt.datetime:
    """Read a Time (RFC 5280 §4.1.2.5); two-digit years from 50 on belong to the last century.

    Old certificates have a UTCTime without seconds or with an offset (X.680 §47); the offset is
    applied. Raises :class:`der.DERError`.
    """
    text = element.content.decode("ascii", "replace")
    offset = dt.timedelta(0)
    if element.tag == der.UTC_TIME:
        text, offset = _complete_utc_time(text)
    try:
        if element.tag == der.UTC_TIME:
            year = int(text[:2])
            text = f"{1900 + year if year >= 50 else 2000 + year}{text[2:]}"
        elif element.tag != der.GENERALIZED_TIME:
            raise der.DERError("a time is neither UTCTime nor GeneralizedTime")
        if len(text) != 15 or text[14] != "Z":
            raise der.DERError("a time is not in whole seconds of UTC")
        month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(4, 14, 2))
        return dt.datetime(int(text[:4]), month, day, hour, minute, second, tzinfo=dt.UTC) - offset
    except (ValueError, OverflowError) as error:
        raise der.DERError(f"a time cannot be read: {error}") from None


def _complete_utc_time(text: str) -> tuple[str, dt.timedelta]:
    """Write a UTCTime of any form with seconds and Z; the second value is its offset."""
    found = _UTC_TIME.fullmatch(text)
    if found is None:
        return text, dt.timedelta(0)
    minutes, seconds, sign, hours, rest = found.groups()
    offset = dt.timedelta(hours=int(hours or 0), minutes=int(rest or 0))
    return f"{minutes}{seconds or '00'}Z", -offset if sign == "-" else offset


def _parse_attribute(raw: bytes) -> Attribute:
    """Split an attribute of a request; some programs leave its set of values out."""
    inner = der.Reader(der.only(raw).content)
    oid = inner.oid()
    values = inner.read() if inner.peek() == der.SET else None
    return Attribute(oid, tuple(der.split(values.content)) if values else ())
