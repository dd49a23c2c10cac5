"""Distinguished names and general names as text."""

from typing import NamedTuple

from newel.certtemplates.names import ip_text
from newel.crypto import der

COMMON_NAME = "2.5.4.3"
EMAIL_ADDRESS = "1.2.840.113549.1.9.1"
_ENCODINGS = {
    0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii", 0x12: "ascii", 0x14: "latin-1", 0x1A: "ascii",
    0x1E: "utf-16-be", 0x1C: "utf-32-be", 0x17: "ascii", 0x18: "ascii",
}  # fmt: skip

_SHORT = {
    COMMON_NAME: "CN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
    "2.5.4.9": "STREET", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.17": "POSTALCODE",
    EMAIL_ADDRESS: "emailAddress", "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
}  # fmt: skip


class NamePart(NamedTuple):
    """One attribute of a name: its identifier, its text ("" when it is none), its DER value."""

    oid: str
    text: str
    value: bytes


class GeneralNames(NamedTuple):
    """The names of a subjectAltName, by kind, each in the order they stand there."""

    dns: list[str]
    emails: list[str]
    addresses: list[str]
    uris: list[str]
    others: list[der.Element]


def relative_names(name: bytes) -> list[list[NamePart]]:
    """The parts of a Name in DER, by relative distinguished name. Raises DerError."""
    return [
        [part(raw) for raw in der.split(der.content(rdn))]
        for rdn in der.split(der.only(name).content)
    ]


def parts(name: bytes) -> list[NamePart]:
    """The parts of a Name in DER, in order."""
    return [one for rdn in relative_names(name) for one in rdn]


def part(raw: bytes) -> NamePart:
    """One AttributeTypeAndValue."""
    inner = der.Reader(der.only(raw).content)
    oid, value = inner.oid(), inner.read()
    return NamePart(oid, string(value), value.raw)


def string(value: der.Element) -> str:
    """The text of an ASN.1 string of any kind; "" for what is none."""
    encoding = _ENCODINGS.get(value.tag)
    return value.content.decode(encoding, "replace") if encoding else ""


def common_name(name: bytes) -> str:
    """The last common name, "" when there is none."""
    return next((p.text for p in reversed(parts(name)) if p.oid == COMMON_NAME), "")


def line(name: bytes) -> str:
    """A name on one line, in the order it was written: ``O=…,CN=…``."""
    return ",".join(
        f"{_SHORT[p.oid]}={p.text}" if p.oid in _SHORT else f"UnknownOID={p.oid}"
        for p in parts(name)
    )


def general_names(value: bytes | None) -> GeneralNames:
    """The names of a subjectAltName extension's value; none of any kind for None."""
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
