"""The values of extensions, decoded (RFC 5280 §4.2 and the private ones of the step tools)."""

from typing import NamedTuple

from newel.certtemplates.names import ip_text
from newel.crypto import der

SUBJECT_DIRECTORY = "2.5.29.9"
SUBJECT_KEY_ID = "2.5.29.14"
KEY_USAGE = "2.5.29.15"
SUBJECT_ALT_NAME = "2.5.29.17"
BASIC_CONSTRAINTS = "2.5.29.19"
NAME_CONSTRAINTS = "2.5.29.30"
CRL_POINTS = "2.5.29.31"
POLICIES = "2.5.29.32"
AUTHORITY_KEY_ID = "2.5.29.35"
EXTENDED_KEY_USAGE = "2.5.29.37"
AUTHORITY_ACCESS = "1.3.6.1.5.5.7.1.1"
PROVISIONER = "1.3.6.1.4.1.37476.9000.64.1"
_OCSP = "1.3.6.1.5.5.7.48.1"
_ISSUERS = "1.3.6.1.5.5.7.48.2"

KEY_USAGES = (
    "Digital Signature", "Content Commitment", "Key Encipherment", "Data Encipherment",
    "Key Agreement", "Certificate Sign", "CRL Sign", "Encipher Only", "Decipher Only",
)  # fmt: skip
_CERT_SIGN = 5


class Subtrees(NamedTuple):
    """Name constraints of one side, by kind; addresses are (address, mask) in octets."""

    dns: list[str]
    emails: list[str]
    uris: list[str]
    ranges: list[tuple[bytes, bytes]]
    directories: list[bytes]


class Provisioner(NamedTuple):
    """What the step provisioner extension says."""

    type: int
    name: str
    credential: str
    pairs: list[str]


def key_usage(value: bytes) -> int:
    """The bits of a KeyUsage, bit 0 being digitalSignature."""
    content = der.only(value, der.BIT_STRING).content
    bits = 0
    for number in range(min(len(KEY_USAGES), (len(content) - 1) * 8)):
        if content[1 + number // 8] & (0x80 >> number % 8):
            bits |= 1 << number
    return bits


def may_sign_certificates(value: bytes) -> bool:
    """Whether a KeyUsage has keyCertSign."""
    return bool(key_usage(value) & 1 << _CERT_SIGN)


def basic_constraints(value: bytes) -> tuple[bool, int | None]:
    """Whether it is an authority, and its path length constraint."""
    inner = der.Reader(der.only(value).content)
    authority = inner.boolean() if inner.peek() == der.BOOLEAN else False
    return authority, inner.integer() if not inner.done else None


def object_identifiers(value: bytes) -> list[str]:
    """A SEQUENCE OF OBJECT IDENTIFIER, as ExtKeyUsage is one."""
    return [der.dotted(element.content) for element in der.children(der.only(value).content)]


def authority_key_id(value: bytes) -> bytes:
    """The key identifier of an AuthorityKeyIdentifier; empty when it has none."""
    found = der.Reader(der.only(value).content).optional(0x80)
    return found.content if found else b""


def policies(value: bytes) -> list[tuple[str, list[bytes]]]:
    """The policies, each with its qualifiers in DER."""
    found: list[tuple[str, list[bytes]]] = []
    for raw in der.split(der.only(value).content):
        inner = der.Reader(der.content(raw))
        oid = inner.oid()
        found.append((oid, [] if inner.done else der.split(inner.read(der.SEQUENCE).content)))
    return found


def crl_points(value: bytes) -> list[str]:
    """The URIs of the full names of the distribution points."""
    found: list[str] = []
    for raw in der.split(der.only(value).content):
        name = der.Reader(der.content(raw)).optional(0xA0)
        full = der.Reader(name.content).optional(0xA0) if name else None
        if full:
            found += [
                n.content.decode("ascii", "replace")
                for n in der.children(full.content)
                if n.tag == 0x86
            ]
    return found


def authority_access(value: bytes) -> tuple[list[str], list[str]]:
    """The URIs of OCSP responders and of the issuer's certificate."""
    found: dict[str, list[str]] = {_OCSP: [], _ISSUERS: []}
    for raw in der.split(der.only(value).content):
        inner = der.Reader(der.content(raw))
        method, location = inner.oid(), inner.read()
        if method in found and location.tag == 0x86:
            found[method].append(location.content.decode("ascii", "replace"))
    return found[_OCSP], found[_ISSUERS]


def name_constraints(value: bytes) -> tuple[Subtrees, Subtrees]:
    """What is permitted and what is excluded."""
    inner = der.Reader(der.only(value).content)
    permitted, excluded = inner.optional(0xA0), inner.optional(0xA1)
    return subtrees(permitted), subtrees(excluded)


def subtrees(element: der.Element | None) -> Subtrees:
    """GeneralSubtrees."""
    found = Subtrees([], [], [], [], [])
    texts = {0x82: found.dns, 0x81: found.emails, 0x86: found.uris}
    for raw in der.split(element.content) if element else ():
        base = der.Reader(der.content(raw)).read()
        if base.tag in texts:
            texts[base.tag].append(base.content.decode("ascii", "replace"))
        elif base.tag == 0x87:
            half = len(base.content) // 2
            found.ranges.append((base.content[:half], base.content[half:]))
        elif base.tag == 0xA4:
            found.directories.append(base.content)
    return found


def range_text(address: bytes, mask: bytes) -> str:
    """An address range as CIDR, or with its mask in hexadecimal when that is no prefix."""
    number, width = int.from_bytes(mask, "big"), len(mask) * 8
    ones = number.bit_count()
    prefix = str(ones) if number == ((1 << ones) - 1) << (width - ones) else mask.hex()
    return f"{ip_text(address)}/{prefix}"


def provisioner(value: bytes) -> Provisioner:
    """What the step provisioner extension says. Raises DerError."""
    inner = der.Reader(der.only(value).content)
    kind = inner.integer()
    name, credential = inner.read(der.OCTET_STRING).content, inner.read(der.OCTET_STRING).content
    pairs = (
        []
        if inner.done
        else [
            e.content.decode(errors="replace")
            for e in der.children(inner.read(der.SEQUENCE).content)
        ]
    )
    inner.end()
    return Provisioner(
        kind, name.decode(errors="replace"), credential.decode(errors="replace"), pairs
    )
