"""Distinguished names: RFC 5280 §4.1.2.4 and appendix A.1 (upper bounds), X.520 for the rest."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from newel.crypto import der, oids
from newel.crypto.dns_names import InvalidNameError

COMMON_NAME = oids.COMMON_NAME
EMPTY = b"\x30\x00"
MAX_ATTRIBUTES = 32

_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,./:=?-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Form:
    name: str
    bound: int
    tag: int = der.UTF8_STRING
    exact: bool = False


_FORMS = {
    oids.COMMON_NAME: _Form("CN", 64),
    oids.SURNAME: _Form("SN", 64),
    oids.SERIAL_NUMBER: _Form("serialNumber", 64, der.PRINTABLE_STRING),
    oids.COUNTRY: _Form("C", 2, der.PRINTABLE_STRING, exact=True),
    oids.LOCALITY: _Form("L", 128),
    oids.STATE_OR_PROVINCE: _Form("ST", 128),
    oids.STREET_ADDRESS: _Form("street", 128),
    oids.ORGANIZATION: _Form("O", 64),
    oids.ORGANIZATIONAL_UNIT: _Form("OU", 64),
    oids.TITLE: _Form("title", 64),
    oids.POSTAL_CODE: _Form("postalCode", 40),
    oids.GIVEN_NAME: _Form("GN", 64),
    "2.5.4.43": _Form("initials", 64),
    "2.5.4.44": _Form("generationQualifier", 64),
    "2.5.4.46": _Form("dnQualifier", 64, der.PRINTABLE_STRING),
    "2.5.4.65": _Form("pseudonym", 128),
    "2.5.4.97": _Form("organizationIdentifier", 256),
    oids.USER_ID: _Form("UID", 256),
    oids.DOMAIN_COMPONENT: _Form("DC", 63, der.IA5_STRING),
    oids.EMAIL_ADDRESS: _Form("emailAddress", 255, der.IA5_STRING),
}
_OTHER = _Form("attribute", 256)
_FORMS_BY_DER = {der.oid(oid): form for oid, form in _FORMS.items()}
_KNOWN = {der.oid(oid): oid for oid in _FORMS}
_PAIR = [der.SEQUENCE, 2, der.OBJECT_IDENTIFIER]
_DECODERS = {
    der.UTF8_STRING: "utf-8",
    der.PRINTABLE_STRING: "ascii",
    der.IA5_STRING: "ascii",
    0x12: "ascii",  # NumericString
    0x1A: "ascii",  # VisibleString
    0x14: "latin-1",  # TeletexString, as everybody reads it
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}


class Attribute(NamedTuple):
    """An attribute: its type as a dotted object identifier, and its value."""

    oid: str
    value: str


def common_name(value: str) -> Attribute:
    """Make a commonName attribute."""
    return Attribute(oids.COMMON_NAME, value)


def encode(attributes: Iterable[Attribute]) -> bytes:
    """Encode a DER Name, one attribute in each relative distinguished name, in order.

    Raises :class:`InvalidNameError` for a value that breaks its type's bound or alphabet, is empty,
    or holds a control or a direction-changing character.
    """
    rdns = [
        der.tlv(der.SET, der.sequence(der.oid(each.oid), _encode_value(each)))
        for each in attributes
    ]
    if len(rdns) > MAX_ATTRIBUTES:
        raise InvalidNameError(f"a subject of more than {MAX_ATTRIBUTES} attributes")
    return der.sequence(*rdns)


def decode(name: bytes, *, odd_values: bool = False) -> tuple[Attribute, ...]:
    """Decode the attributes of a DER Name, in order, whatever relative names they are in.

    With ``odd_values`` a value that is no string, or not in the encoding it claims, is given as
    RFC 4514 §2.4 writes it: ``#`` and its DER in hex. Raises :class:`der.DERError`.
    """
    attributes: list[Attribute] = []
    for rdn in der.children(der.only(name).content):
        for kind, value in _pairs(rdn):
            oid = _KNOWN.get(kind.raw) or der.decode_oid(kind.content)
            attributes.append(Attribute(oid, _read_value(value, odd_values)))
        if len(attributes) > MAX_ATTRIBUTES:
            raise der.DERError(f"a name of more than {MAX_ATTRIBUTES} attributes")
    return tuple(attributes)


def _read_value(element: der.Element, odd_values: bool) -> str:
    try:
        return _decode_value(element)
    except der.DERError:
        if odd_values:
            return f"#{element.raw.hex()}"
        raise


def _pairs(rdn: der.Element) -> list[tuple[der.Element, der.Element]]:
    """Split a RelativeDistinguishedName into type and value of each attribute."""
    if rdn.tag != der.SET:
        raise der.DERError(f"found tag 0x{rdn.tag:02x} where 0x{der.SET:02x} is expected")
    pairs: list[tuple[der.Element, der.Element]] = []
    for attribute in der.children(rdn.content):
        parts = der.children(attribute.content)
        if [attribute.tag, len(parts), parts[0].tag if parts else -1] != _PAIR:
            raise der.DERError("an attribute is malformed")
        pairs.append((parts[0], parts[1]))
    return pairs


def check(name: bytes) -> None:
    """Check the bound, alphabet and string type of every attribute of a DER Name.

    A DirectoryString may be a PrintableString too (RFC 5280 §4.1.2.4), as Go writes it, and a relative
    name may have several attributes, as Go writes several organizational units: a renewed certificate
    keeps its subject octet by octet. Raises :class:`InvalidNameError`.
    """
    try:
        for rdn in der.children(der.only(name).content):
            for kind, element in _pairs(rdn):
                form = _FORMS_BY_DER.get(kind.raw, _OTHER)
                if element.tag == der.PRINTABLE_STRING and form.tag == der.UTF8_STRING:
                    form = replace(form, tag=der.PRINTABLE_STRING)
                if element.tag != form.tag:
                    raise InvalidNameError(f"{form.name} is a string of the wrong type")
                _check_value(form, _decode_value(element))
    except der.DERError as error:
        raise InvalidNameError(str(error)) from None


def _encode_value(attribute: Attribute) -> bytes:
    form = _FORMS.get(attribute.oid, _OTHER)
    _check_value(form, attribute.value)
    return der.tlv(form.tag, attribute.value.encode())


def _check_value(form: _Form, value: str) -> None:
    size = len(value)
    if not 0 < size <= form.bound or (form.exact and size != form.bound):
        raise InvalidNameError(f"{form.name} must have 1 to {form.bound} characters, not {size}")
    if not (value.isascii() and value.isprintable()):
        _check_characters(form, value)
    if value != value.strip():
        raise InvalidNameError(f"{form.name} begins or ends with a space")
    if form.tag == der.PRINTABLE_STRING and not _PRINTABLE.fullmatch(value):
        raise InvalidNameError(f"{form.name} has a character that is not in PrintableString")


def _check_characters(form: _Form, value: str) -> None:
    """Refuse controls, format characters (bidirectional overrides), surrogates, line separators."""
    if form.tag != der.UTF8_STRING and not value.isascii():
        raise InvalidNameError(f"{form.name} must be ASCII")
    for char in value:
        category = unicodedata.category(char)
        if category[0] == "C" or category in {"Zl", "Zp"}:
            raise InvalidNameError(f"{form.name} has the character U+{ord(char):04X}")


def _decode_value(element: der.Element) -> str:
    encoding = _DECODERS.get(element.tag)
    if encoding is None:
        raise der.DERError(f"an attribute value is not a string (tag 0x{element.tag:02x})")
    try:
        return element.content.decode(encoding)
    except UnicodeDecodeError:
        raise der.DERError(f"an attribute value is not {encoding}") from None
