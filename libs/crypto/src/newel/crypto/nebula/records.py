"""A Nebula certificate as both versions carry it, and the text form of its parts."""

import datetime as dt
import enum
import hashlib
import ipaddress
from typing import NamedTuple, TypeAlias

Network: TypeAlias = ipaddress.IPv4Interface | ipaddress.IPv6Interface
"""An address and the length of its prefix: ``10.1.0.1/16``."""

MAX_SIZE = 65_536
"""Octets of one certificate; version 2 has this bound itself."""

MAX_NETWORKS = 256
"""Networks, and as many routed ones, of one certificate."""

MAX_GROUPS = 1024


class NebulaError(ValueError):
    """The octets are not a certificate, or one that its network's authority did not sign."""


class Curve(enum.IntEnum):
    """The curve of a network's keys, by its number in both encodings."""

    CURVE25519 = 0
    P256 = 1


class NebulaCertificate(NamedTuple):
    """A well-formed certificate whose signature is not verified yet. Times are aware."""

    version: int
    name: str
    networks: tuple[Network, ...]
    """The host's own addresses, each in its network; for an authority the networks it may assign."""
    unsafe_networks: tuple[Network, ...]
    """Networks outside of Nebula that the host routes to."""
    groups: tuple[str, ...]
    not_before: dt.datetime
    not_after: dt.datetime
    is_ca: bool
    issuer: str
    """The fingerprint of the authority's certificate; ``""`` for an authority."""
    curve: Curve
    public_key: bytes
    """Of a host X25519 (RFC 7748), of an authority Ed25519; or an uncompressed point on P-256."""
    signed: bytes
    """The octets that the authority's key signed."""
    signature: bytes
    encoded: bytes
    """The octets whose SHA-256 is the fingerprint."""

    @property
    def fingerprint(self) -> str:
        """Lower-case hex, as ``issuer`` of another certificate names it."""
        return hashlib.sha256(self.encoded).hexdigest()


def require(condition: bool, complaint: str) -> None:
    """Raise :class:`NebulaError` with the complaint unless the condition holds."""
    if not condition:
        raise NebulaError(f"not a Nebula certificate: {complaint}")


def read_time(seconds: int) -> dt.datetime:
    """Read seconds since 1970. Raises :class:`NebulaError` beyond the year 9999."""
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (ValueError, OverflowError, OSError):
        raise NebulaError("not a Nebula certificate: a time is out of range") from None


def read_text(octets: bytes) -> str:
    """Read UTF-8. Raises :class:`NebulaError`."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise NebulaError("not a Nebula certificate: a name is not UTF-8") from None


def read_network(address: bytes, length: int) -> Network:
    """Read an address in network order and a prefix length. Raises :class:`NebulaError`."""
    try:
        return ipaddress.ip_interface((address, length))
    except ValueError:
        raise NebulaError("not a Nebula certificate: a network cannot be read") from None


def read_curve(number: int) -> Curve:
    """Read the number of a curve. Raises :class:`NebulaError`."""
    try:
        return Curve(number)
    except ValueError:
        raise NebulaError("not a Nebula certificate: the curve is unknown") from None


def check(certificate: NebulaCertificate) -> NebulaCertificate:
    """Return the certificate if it is within the bounds of both versions. Raises :class:`NebulaError`."""
    require(bool(certificate.public_key), "it has no public key")
    require(bool(certificate.signature), "it has no signature")
    require(certificate.is_ca or bool(certificate.networks), "a host has no network")
    for networks in (certificate.networks, certificate.unsafe_networks):
        require(len(networks) <= MAX_NETWORKS, f"it has more than {MAX_NETWORKS} networks")
    require(len(certificate.groups) <= MAX_GROUPS, f"it has more than {MAX_GROUPS} groups")
    for network in certificate.networks:
        mapped = network.version == 6 and network.ip.ipv4_mapped is not None
        require(not mapped, "a network is IPv4 mapped into IPv6")
        require(int(network.ip) != 0 or certificate.is_ca, "a network has the zero address")
    return certificate
