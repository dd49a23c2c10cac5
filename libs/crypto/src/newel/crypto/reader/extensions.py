"""The values of extensions, decoded (RFC 5280 §4.2, and the provisioner extension of step)."""

from typing import NamedTuple

from newel.crypto import der, oids
from newel.crypto.reader.names import ip_text

KEY_USAGES = (
    "Digital Signature",
    "Content Commitment",
    "Key Encipherment",
    "Data Encipherment",
    "Key Agreement",
    "Certificate Sign",
    "CRL Sign",
    "Encipher Only",
    "Decipher Only",
)
_CERT_SIGN = 5


class Subtrees(NamedTuple):
    """The permitted or the excluded subtrees, by kind; ranges are (address, mask) in octets."""

    dns: list[str]
    emails: list[str]
    uris: list[str]
    ranges: list[tuple[bytes, bytes]]
    directories: list[bytes]


class Provisioner(NamedTuple):
    """The fields of the step provisioner extension."""

    type: int
    name: str
    credential: str
    pairs: list[str]


def key_usage(value: bytes) -> int:
    """Decode the bits of a KeyUsage; bit 0 is digitalSignature."""
    content = der.only(value, der.BIT_STRING).content
    bits = 0
    for number in range(min(len(KEY_USAGES), (len(content) - 1) * 8)):
        if content[1 + number // 8] & (0x80 >> number % 8):
            bits |= 1 << number
    return bits


def may_sign_certificates(value: bytes) -> bool:
    """Say whether a KeyUsage has keyCertSign."""
    return bool(key_usage(value) & 1 << _CERT_SIGN)


def basic_constraints(value: bytes) -> tuple[bool, int | None]:
    """Decode the cA flag and the path length constraint."""
    inner = der.Reader(der.only(value).content)
    authority = inner.boolean() if inner.peek() == der.BOOLEAN else False
    return authority, inner.integer() if not inner.at_end else None


def object_identifiers(value: bytes) -> list[str]:
    """Decode a SEQUENCE OF OBJECT IDENTIFIER, such as ExtKeyUsage."""
    return [der.decode_oid(element.content) for element in der.children(der.only(value).content)]


def authority_key_id(value: bytes) -> bytes:
    """Decode the key identifier of an AuthorityKeyIdentifier; empty if absent."""
    found = der.Reader(der.only(value).content).optional(0x80)
    return found.content if found else b""


def policies(value: bytes) -> list[tuple[str, list[bytes]]]:
    """Decode the policies, each with its qualifiers in DER."""
    found: list[tuple[str, list[bytes]]] = []
    for raw in der.split(der.only(value).content):
        inner = der.Reader(der.content(raw))
        oid = inner.oid()
        found.append((oid, [] if inner.at_end else der.split(inner.read(der.SEQUENCE).content)))
    return found


def crl_points(value: bytes) -> list[str]:
    """Decode the URIs of the full names of the distribution points."""
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
    """Decode the URIs of OCSP responders and of the issuer's certificate."""
    found: dict[str, list[str]] = {oids.OCSP_METHOD: [], oids.CA_ISSUERS_METHOD: []}
    for raw in der.split(der.only(value).content):
        inner = der.Reader(der.content(raw))
        method, location = inner.oid(), inner.read()
        if method in found and location.tag == 0x86:
            found[method].append(location.content.decode("ascii", "replace"))
    return found[oids.OCSP_METHOD], found[oids.CA_ISSUERS_METHOD]


def name_constraints(value: bytes) -> tuple[Subtrees, Subtrees]:
    """Decode the permitted and the excluded subtrees."""
    inner = der.Reader(der.only(value).content)
    permitted, excluded = inner.optional(0xA0), inner.optional(0xA1)
    return _parse_subtrees(permitted), _parse_subtrees(excluded)


def _parse_subtrees(element: der.Element | None) -> Subtrees:
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
    """Format an address range as CIDR, or with its mask in hexadecimal if that is no prefix."""
    number, width = int.from_bytes(mask, "big"), len(mask) * 8
    ones = number.bit_count()
    prefix = str(ones) if number == ((1 << ones) - 1) << (width - ones) else mask.hex()
    return f"{ip_text(address)}/{prefix}"


def provisioner(value: bytes) -> Provisioner:
    """Decode the step provisioner extension. Raises :class:`der.DERError`."""
    inner = der.Reader(der.only(value).content)
    kind = inner.integer()
    name, credential = inner.read(der.OCTET_STRING).content, inner.read(der.OCTET_STRING).content
    elements = [] if inner.at_end else der.children(inner.read(der.SEQUENCE).content)
    pairs = [each.content.decode(errors="replace") for each in elements]
    inner.end()
    return Provisioner(
        kind, name.decode(errors="replace"), credential.decode(errors="replace"), pairs
    )
