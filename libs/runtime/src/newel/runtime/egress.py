"""The policy for outgoing connections: names are resolved once, addresses checked, connections pinned.

Addresses that serve credentials to any client (cloud metadata) are always refused, in every spelling.
Private and loopback networks are allowed unless configured otherwise: a private CA's users live there.
"""

import asyncio
import ipaddress
import os
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str], Awaitable[Sequence[str]]]

NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "169.254.0.0/16",     # link-local: AWS, Azure, GCP, OpenStack metadata
        "100.100.100.200/32", # Alibaba Cloud metadata
        "168.63.129.16/32",   # Azure's wire server
        "192.0.0.192/32",     # Oracle Cloud metadata
        "fd00:ec2::/32",      # AWS metadata and DNS
        "fd20:ce::254/128",   # GCP metadata
        "fe80::/10",          # link-local
        "0.0.0.0/8",          # "this host", which some systems route to loopback
        "::/128",
        "224.0.0.0/4",        # multicast
        "ff00::/8",
        "240.0.0.0/4",        # reserved, with the broadcast address
    )
)  # fmt: skip # words in rows
DNS_PORT = 53
LONGEST_NAME = 253  # characters, without a dot at the end (RFC 1035 §2.3.4)
_LABEL = "[A-Za-z0-9_-]{1,63}"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
SIX_TO_FOUR = ipaddress.ip_network("2002::/16")


class EgressError(Exception):
    """The connection is not made; the message names the host and says why."""


class EgressRefusedError(EgressError):
    """The policy forbids the address or the port."""


class ResolutionError(EgressError):
    """The name has no address."""


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """``deny`` beats ``allow``; an empty ``allow`` means every network that is not denied."""

    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()
    resolver: Resolver | None = None  # None: the system's
    resolver_name: str = "the system's resolver"  # for people
    resolve_seconds: float = 5.0

    def check(self, address: str) -> Address:
        """Return the address when a connection to it is allowed. Raises EgressRefusedError."""
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            raise EgressRefusedError(f"{address[:64]} is not an address") from None
        for form in list_embedded(parsed):
            if any(form in network for network in (*NEVER, *self.deny)):
                raise EgressRefusedError(f"connections to {address} are not allowed")
        if self.allow and not any(parsed in network for network in self.allow):
            raise EgressRefusedError(f"connections to {address} are not allowed")
        return parsed

    async def resolve(self, host: str) -> list[str]:
        """Resolve a host to its allowed addresses, in order. Raises ResolutionError or EgressRefusedError.

        One forbidden address refuses the host: a name that leads to metadata only sometimes is an attack.
        """
        if is_literal(host):
            return [str(self.check(host.strip("[]")))]
        try:
            async with asyncio.timeout(self.resolve_seconds):
                found = await (self.resolver or system_resolver)(host)
        except (OSError, TimeoutError, ValueError) as error:  # ValueError: not a DNS name, as a..b
            cause = _describe_resolution(error)
            raise ResolutionError(
                f"no address found for {host[:LONGEST_NAME]}: {self.resolver_name} says: {cause}"
            ) from None
        if not found:
            raise ResolutionError(f"no address found for {host}: {self.resolver_name} has none")
        return [str(self.check(address)) for address in found]


def describe_failure(error: BaseException) -> str:
    """Describe why a connection failed in the system's words, for the text of an error."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no handshake").replace("_", " ").lower()
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, asyncio.IncompleteReadError | EOFError):
        return "the connection ended too early"
    if isinstance(error, asyncio.LimitOverrunError):
        return "a line is too long"
    if isinstance(error, OSError):
        return os.strerror(error.errno).lower() if error.errno else "no connection"
    return str(error) or "it failed"


def _describe_resolution(error: BaseException) -> str:
    """Describe why a name was not resolved."""
    if isinstance(error, socket.gaierror) and error.strerror:
        return error.strerror.lower()
    return "it is no name" if isinstance(error, ValueError) else describe_failure(error)


def show_endpoint(address: str, port: int) -> str:
    """Return an address and a port as people write them: ``192.0.2.1:80``, ``[2001:db8::1]:80``."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def list_embedded(address: Address) -> list[Address]:
    """Return an address and every IPv4 address embedded in it: mapped, compatible, NAT64, 6to4, Teredo."""
    forms: list[Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        packed = address.packed
        if address.ipv4_mapped is not None:
            forms.append(address.ipv4_mapped)
        if packed[:12] == bytes(12) and packed[12:] > bytes((0, 0, 0, 1)):
            forms.append(ipaddress.IPv4Address(packed[12:]))
        if any(address in network for network in NAT64):
            forms.append(ipaddress.IPv4Address(packed[12:]))
        if address in SIX_TO_FOUR:
            forms.append(ipaddress.IPv4Address(packed[2:6]))
        if address.teredo is not None:
            forms.extend(address.teredo)
    return forms


def is_name(host: str) -> bool:
    """Tell whether a host is a name that DNS can carry: ASCII, and neither it nor a label too long.

    Underscores and hyphens are allowed anywhere: name servers decide what exists.
    """
    return len(host) <= LONGEST_NAME + 1 and _NAME.fullmatch(host) is not None


def is_literal(host: str) -> bool:
    """Tell whether a host is written as an address. Only the canonical IPv4 form counts: 0x7f.1 is a name."""
    try:
        ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return True


async def system_resolver(host: str) -> list[str]:
    """Resolve a name by the system's resolver, in a thread."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def parse_endpoint(text: str, port: int) -> tuple[str, int]:
    """Parse ``192.0.2.1``, ``192.0.2.1:5353``, ``2001:db8::1`` or ``[2001:db8::1]:5353``.

    ``port`` is that of a text without one. Raises ValueError for anything else, names included.
    """
    address, written = text, str(port)
    if text.startswith("["):
        address, _, rest = text[1:].partition("]")
        written = rest.removeprefix(":") or written
    elif text.count(":") == 1:
        address, _, written = text.partition(":")
    number = int(written)
    if not 0 < number < 1 << 16:
        raise ValueError(f"{text[:64]!r}: the port is out of range")
    return str(ipaddress.ip_address(address)), number


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks from configuration. Raises ValueError naming the wrong one."""
    return tuple(ipaddress.ip_network(text) for text in texts)
