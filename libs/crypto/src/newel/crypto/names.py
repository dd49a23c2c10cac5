"""General names (RFC 5280 §4.2.1.6) of the five supported kinds.

A value made by :func:`parse_san`, :func:`dns_name`, :func:`ip_address`, :func:`email_address`,
:func:`uri`, :func:`permanent_identifier`, :func:`from_der` or :func:`from_certificate` is canonical
and checked, so that names can be compared.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from newel.crypto import der, dns_names, oids
from newel.crypto.dns_names import STRICT, InvalidNameError, NameRules

DNS_TAG, EMAIL_TAG, URI_TAG, IP_TAG, OTHER_NAME_TAG = 0x82, 0x81, 0x86, 0x87, 0xA0

MAX_URI = 2048
MAX_PERMANENT_IDENTIFIER = 255  # characters
_PERMANENT_IDENTIFIER = der.oid(oids.PERMANENT_IDENTIFIER)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_URI = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*):(?:(?P<slashes>//)(?P<authority>[^/?#]*))?"
    r"(?P<rest>(?:[A-Za-z0-9._~!$&'()*+,;=:@/?#-]|%[0-9A-Fa-f]{2})*)",
    re.ASCII | re.IGNORECASE,
)
_ATOMS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII
)
_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::[0-9]{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class DNSName:
    """A dNSName: lower case, A-labels."""

    kind: ClassVar = "dns"
    value: str

    @property
    def der(self) -> bytes:
        """The GeneralName."""
        return der.tlv(DNS_TAG, self.value.encode())

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class IPAddress:
    """An iPAddress; IPv4 mapped into IPv6 is stored as IPv4."""

    kind: ClassVar = "ip"
    value: ipaddress.IPv4Address | ipaddress.IPv6Address

    @property
    def der(self) -> bytes:
        """The GeneralName."""
        return der.tlv(IP_TAG, self.value.packed)

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An rfc822Name: the domain in lower case, the local part as it was given."""

    kind: ClassVar = "email"
    value: str

    @property
    def der(self) -> bytes:
        """The GeneralName."""
        return der.tlv(EMAIL_TAG, self.value.encode())

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class URI:
    """A uniformResourceIdentifier: scheme and host in lower case."""

    kind: ClassVar = "uri"
    value: str

    @property
    def der(self) -> bytes:
        """The GeneralName."""
        return der.tlv(URI_TAG, self.value.encode())

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class PermanentIdentifier:
    """The permanentIdentifier of a device (RFC 4043), without an assigner; its text as it was given."""

    kind: ClassVar = "permanentIdentifier"
    value: str

    @property
    def der(self) -> bytes:
        """The GeneralName, an otherName."""
        value = der.sequence(der.tlv(der.UTF8_STRING, self.value.encode()))
        return der.tlv(OTHER_NAME_TAG, _PERMANENT_IDENTIFIER + der.explicit(0, value))

    def __str__(self) -> str:
        return self.value


GeneralName: TypeAlias = DNSName | IPAddress | EmailAddress | URI | PermanentIdentifier


def parse_san(text: str, rules: NameRules = STRICT) -> GeneralName:
    """Parse a name as step does.

    It is an IP literal, else a URI if it has a scheme, else an e-mail address if it has an ``@``,
    else a domain name. Raises :class:`InvalidNameError`.
    """
    if ":" in text or text[:1].isdigit():
        try:
            return ip_address(text)
        except InvalidNameError:
            pass
    if _SCHEME.match(text):
        return uri(text)
    if "@" in text:
        return email_address(text)
    return dns_name(text, rules)


def parse_sans(texts: Iterable[str], rules: NameRules = STRICT) -> tuple[GeneralName, ...]:
    """Parse several names in order; empty texts and duplicates are dropped."""
    return tuple(dict.fromkeys(parse_san(text, rules) for text in texts if text))


def dns_name(text: str, rules: NameRules = STRICT) -> DNSName:
    """Make a canonical domain name. Raises :class:`InvalidNameError`."""
    return DNSName(dns_names.canonical(text, rules))


def ip_address(text: str) -> IPAddress:
    """Make an IP address from text without zone or prefix. Raises :class:`InvalidNameError`."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise InvalidNameError(f"not an IP address: {text[:64]!r}") from None
    return _canonical_ip(address)


def ip_octets(octets: bytes) -> IPAddress:
    """Make an IP address from 4 or 16 octets. Raises :class:`InvalidNameError`."""
    try:
        address = ipaddress.ip_address(octets)
    except ValueError:
        raise InvalidNameError(f"an IP address of {len(octets)} octets") from None
    return _canonical_ip(address)


def _canonical_ip(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> IPAddress:
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise InvalidNameError(f"an IP address with a zone: {str(address)!r}")
        return IPAddress(address.ipv4_mapped or address)
    return IPAddress(address)


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")
_IPV4_TRANSLATED = ipaddress.IPv6Network("::ffff:0:0:0/96")
_LAST_32_BITS = (_NAT64, _NAT64_LOCAL, _IPV4_COMPATIBLE, _IPV4_TRANSLATED)


def equivalent_addresses(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """List the other addresses of the same host: an IPv4 one inside IPv6, or mapped into it.

    NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380), the IPv4-compatible and the
    IPv4-translated form (RFC 4291, RFC 2765).
    """
    if isinstance(address, ipaddress.IPv4Address):
        return [ipaddress.IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)]
    found: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = []
    if any(address in network for network in _LAST_32_BITS):
        found.append(ipaddress.IPv4Address(address.packed[12:]))
    if address.sixtofour:
        found.append(address.sixtofour)
    if address.teredo:
        found += address.teredo
    return found


def email_address(text: str) -> EmailAddress:
    """Make a mailbox of a plain local part (RFC 5321 dot-string: no quotes) and a domain name."""
    local, at, domain = text.rpartition("@")
    if not at or len(local) > 64 or not _ATOMS.fullmatch(local):
        raise InvalidNameError(f"not an e-mail address: {text[:320]!r}")
    return EmailAddress(f"{local}@{dns_names.canonical(domain, NameRules(wildcards=False))}")


def uri(text: str) -> URI:
    """Make an absolute URI (RFC 3986 §3) without user information; its host is a domain name or address.

    Raises :class:`InvalidNameError`.
    """
    match = _URI.fullmatch(text) if len(text) <= MAX_URI else None
    if match is None:
        raise InvalidNameError(f"not a URI: {text[:256]!r}")
    scheme, authority, rest = match["scheme"].lower(), match["authority"], match["rest"]
    if not authority and not rest:
        raise InvalidNameError(f"a URI with nothing after its scheme: {text!r}")
    if not match["slashes"]:
        return URI(f"{scheme}:{rest}")
    return URI(f"{scheme}://{_authority(authority, text)}{rest}")


def permanent_identifier(text: str) -> PermanentIdentifier:
    """Make a permanentIdentifier of 1 to 255 printable characters. Raises :class:`InvalidNameError`."""
    if not 0 < len(text) <= MAX_PERMANENT_IDENTIFIER:
        raise InvalidNameError(
            f"a permanent identifier has 1 to {MAX_PERMANENT_IDENTIFIER} characters"
        )
    if not text.isprintable() or text != text.strip():
        raise InvalidNameError(
            "a permanent identifier has printable characters only, and no space at its ends"
        )
    return PermanentIdentifier(text)


def _authority(authority: str, text: str) -> str:
    if not authority:
        return ""
    match = _PORT.fullmatch(authority)
    if match is None or "@" in authority:
        raise InvalidNameError(f"a URI whose host has user information or a bad port: {text!r}")
    host = match["host"]
    port = authority[len(host) :]
    if host.startswith("["):
        return f"[{_canonical_ipv6(host[1:-1], text)}]{port}"
    if host and host[-1].isdigit() and host.replace(".", "").isdigit():
        return f"{ip_address(host)}{port}"
    return dns_names.canonical(host, NameRules(wildcards=False, underscores=True)) + port


def _canonical_ipv6(address: str, text: str) -> str:
    try:
        parsed = ipaddress.IPv6Address(address)
    except ValueError:
        parsed = None
    if parsed is None or parsed.scope_id is not None:
        raise InvalidNameError(f"a URI whose host is no IPv6 address: {text!r}")
    return str(parsed)


def from_der(tag: int, content: bytes, rules: NameRules = STRICT) -> GeneralName:
    """Decode a GeneralName's tag and content.

    Raises :class:`InvalidNameError`, also for unsupported kinds (otherName, directoryName …).
    """
    if tag == IP_TAG:
        return ip_octets(content)
    if tag not in {DNS_TAG, EMAIL_TAG, URI_TAG}:
        raise InvalidNameError(f"a name of an unsupported kind (tag 0x{tag:02x})")
    if not content.isascii():
        raise InvalidNameError("a name with octets outside ASCII")
    text = content.decode("ascii")
    if tag == DNS_TAG:
        return dns_name(text, rules)
    return email_address(text) if tag == EMAIL_TAG else uri(text)


def from_certificate(tag: int, content: bytes, rules: NameRules = STRICT) -> GeneralName:
    """Decode a GeneralName of a certificate that exists: as :func:`from_der`, or a permanentIdentifier.

    No requester names a device: the identifier is in a certificate because an attestation proved it.
    Raises :class:`InvalidNameError`.
    """
    if tag == OTHER_NAME_TAG and content.startswith(_PERMANENT_IDENTIFIER):
        return permanent_identifier(_read_identifier(content[len(_PERMANENT_IDENTIFIER) :]))
    return from_der(tag, content, rules)


def _read_identifier(value: bytes) -> str:
    """Return the identifierValue, which must be all there is: an assigner would be lost."""
    try:
        listed = der.children(der.only(der.only(value, 0xA0).content).content)
        if [each.tag for each in listed] != [der.UTF8_STRING]:
            raise InvalidNameError("a permanent identifier of another form than a text alone")
        return listed[0].content.decode()
    except (der.DERError, UnicodeDecodeError):
        raise InvalidNameError("a permanent identifier that cannot be read") from None


def encode(names: Iterable[GeneralName]) -> bytes:
    """Encode the GeneralNames of a subjectAltName extension, in order."""
    return der.sequence(*[name.der for name in names])
