"""Distinguished names and general names as text, whatever they are made of."""

import ipaddress
from typing import NamedTuple

from newel.crypto import der, oids

_ENCODINGS = {
    0x0C: "utf-8",  # UTF8String
    0x12: "ascii",  # NumericString
    0x13: "ascii",  # PrintableString
    0x14: "latin-1",  # TeletexString
    0x16: "ascii",  # IA5String
    0x17: "ascii",  # UTCTime
    0x18: "ascii",  # GeneralizedTime
    0x1A: "ascii",  # VisibleString
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}
_SHORT_NAMES = {
    oids.COMMON_NAME: "CN",
    oids.SERIAL_NUMBER: "SERIALNUMBER",
    oids.COUNTRY: "C",
    oids.LOCALITY: "L",
    oids.STATE_OR_PROVINCE: "ST",
    oids.STREET_ADDRESS: "STREET",
    oids.ORGANIZATION: "O",
    oids.ORGANIZATIONAL_UNIT: "OU",
    oids.POSTAL_CODE: "POSTALCODE",
    oids.EMAIL_ADDRESS: "emailAddress",
    oids.DOMAIN_COMPONENT: "DC",
    oids.USER_ID: "UID",
}


class NameAttribute(NamedTuple):
    """An attribute of a name: its identifier, its text ("" when it is no string), its value in DER."""

    oid: str
    text: str
    value: bytes


class GeneralNames(NamedTuple):
    """The names of a subjectAltName, by kind, each in the order of the extension."""

    dns: list[str]
    emails: list[str]
    addresses: list[str]
    uris: list[str]
    others: list[der.Element]


def parse_relative_names(name: bytes) -> list[list[NameAttribute]]:
    """Split a DER Name into relative distinguished names. Raises :class:`der.DERError`."""
    return [
        [_parse_attribute(raw) for raw in der.split(der.content(rdn))]
        for rdn in der.split(der.only(name).content)
    ]


def parse_name(name: bytes) -> list[NameAttribute]:
    """Split a DER Name into attributes, in order. Raises :class:`der.DERError`."""
    return [each for rdn in parse_relative_names(name) for each in rdn]


def decode_string(value: der.Element) -> str:
    """Decode an ASN.1 string of any kind; "" for any other value."""
    encoding = _ENCODINGS.get(value.tag)
    return value.content.decode(encoding, "replace") if encoding else ""


def common_name(name: bytes) -> str:
    """Return the last common name, "" if there is none."""
    found = (each.text for each in reversed(parse_name(name)) if each.oid == oids.COMMON_NAME)
    return next(found, "")


def format_name(name: bytes) -> str:
    """Format a name on one line, in the order of its encoding: ``O=…,CN=…``."""
    return ",".join(
        f"{_SHORT_NAMES[each.oid]}={each.text}"
        if each.oid in _SHORT_NAMES
        else f"UnknownOID={each.oid}"
        for each in parse_name(name)
    )


def parse_general_names(value: bytes | None) -> GeneralNames:
    """Split the value of a subjectAltName extension; no names for None."""
    found = GeneralNames([], [], [], [], [])
    if value is None:
        return found
    texts = {0x82: found.dns, 0x81: found.emails, 0x86: found.uris}
    for element in der.children(der.only(value).content):
        if element.tag in texts:
            texts[element.tag].append(element.content.decode("ascii", "replace"))
        elif element.tag == 0x87:
            found.addresses.append(ip_text(element.content))
        else:
            found.others.append(element)
    return found


def ip_text(octets: bytes) -> str:
    """Format an address of 4 or 16 octets; hexadecimal digits for any other number of octets."""
    try:
        found = ipaddress.ip_address(octets)
    except ValueError:
        return octets.hex()
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def _parse_attribute(raw: bytes) -> NameAttribute:
    inner = der.Reader(der.only(raw).content)
    oid, value = inner.oid(), inner.read()
    return NameAttribute(oid, decode_string(value), value.raw)
