"""Names in DER as text, for templates to look at."""

from typing import NamedTuple

from newel.crypto import der

ENCODINGS = {
    0x0C: "utf-8",
    0x13: "ascii",
    0x16: "ascii",
    0x12: "ascii",
    0x14: "latin-1",
    0x1E: "utf-16-be",
    0x1C: "utf-32-be",
}


class Attribute(NamedTuple):
    """One attribute of a Name: its identifier and its text, empty for what is no string."""

    oid: str
    text: str


def attributes(name: bytes) -> list[Attribute]:
    """All attributes in order. Raises DERError."""
    found: list[Attribute] = []
    for rdn in der.children(der.only(name).content):
        for pair in der.children(rdn.content):
            reader = der.Reader(pair.content)
            oid, value = reader.oid(), reader.read()
            encoding = ENCODINGS.get(value.tag)
            found.append(
                Attribute(oid, value.content.decode(encoding, "replace") if encoding else "")
            )
    return found
