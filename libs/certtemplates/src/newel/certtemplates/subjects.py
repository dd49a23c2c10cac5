"""A template's names: an object or a string becomes a Name (X.501), in Go's order and string types."""

from typing import Any

from newel.certtemplates.asn1_values import string
from newel.certtemplates.json_fields import Fields, object_identifier, text
from newel.certtemplates.refusal import TemplateRefusedError
from newel.crypto import der
from newel.gotemplate.errors import CallError

COMMON_NAME, SERIAL_NUMBER = "2.5.4.3", "2.5.4.5"
EMAIL_ADDRESS = "1.2.840.113549.1.9.1"
LISTS = {
    "country": "2.5.4.6",
    "organization": "2.5.4.10",
    "organizationalUnit": "2.5.4.11",
    "locality": "2.5.4.7",
    "province": "2.5.4.8",
    "streetAddress": "2.5.4.9",
    "postalCode": "2.5.4.17",
}
ORDER = (
    "country",
    "province",
    "locality",
    "streetAddress",
    "postalCode",
    "organization",
    "organizationalUnit",
)
SINGLES = {"commonName": COMMON_NAME, "serialNumber": SERIAL_NUMBER}
EMPTY = der.sequence()


def name(value: Any) -> bytes:
    """Return the Name in DER; a string is a common name."""
    if isinstance(value, str):
        return der.sequence(relative(COMMON_NAME, (value,))) if value else EMPTY
    fields = Fields.of(value, "a name")
    extra = [
        (each.read("type", object_identifier, ""), each.get("value"))
        for each in fields.objects("extraNames")
    ]
    replaced = {oid for oid, _ in extra}
    listed = {LISTS[field]: fields.texts(field) for field in ORDER}
    for field, oid in SINGLES.items():
        single = fields.read(field, text, "")
        listed[oid] = (single,) if single else ()
    parts = [
        relative(oid, values) for oid, values in listed.items() if values and oid not in replaced
    ]
    return der.sequence(*parts, *[extra_name(oid, value) for oid, value in extra])


def relative(oid: str, values: tuple[str, ...]) -> bytes:
    """Return a RelativeDistinguishedName of one attribute for each value, in DER's order."""
    return der.tlv(der.SET, b"".join(sorted(attribute(oid, each) for each in values)))


def attribute(oid: str, value: str) -> bytes:
    """Return an AttributeTypeAndValue."""
    try:
        return der.sequence(der.oid(oid), string(value))
    except CallError as error:
        raise TemplateRefusedError(str(error)) from None


def extra_name(oid: str, value: Any) -> bytes:
    """Return an attribute of any type; a mailbox is an IA5String."""
    if not oid:
        raise TemplateRefusedError("extraNames: a type is missing")
    if isinstance(value, bool):
        return der.tlv(der.SET, der.sequence(der.oid(oid), der.boolean(value=value)))
    written = text(value)
    if oid != EMAIL_ADDRESS:
        return relative(oid, (written,))
    if not written.isascii():
        raise TemplateRefusedError("extraNames: a mailbox is ASCII")
    return der.tlv(der.SET, der.sequence(der.oid(oid), der.tlv(der.IA5_STRING, written.encode())))
