"""What counts as one client of a listener: an IPv4 address, or the /64 of an IPv6 address."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK: tuple[Network, ...] = (
    ipaddress.ip_network("127.0.0.0/8"),
    ipaddress.ip_network("::1/128"),
)
_REMEMBERED = 4096


class ClientAddresses:
    """Gives every client a key to count it by; exempt clients have none."""

    def __init__(self, exempt: Sequence[Network]) -> None:
        self._exempt = tuple(exempt)
        self.key = lru_cache(_REMEMBERED)(self._key)
        """The key of an address as text; None when it is exempt, or no address."""

    def _key(self, text: str) -> bytes | None:
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:  # a socket without one
            return None
        if isinstance(address, ipaddress.IPv6Address):
            address = address.ipv4_mapped or address
        if any(address in network for network in self._exempt):
            return None
        return address.packed[:8]


def plain_address(text: str) -> str:
    """Spell an IPv4 client of an IPv6 socket as the IPv4 address that it is."""
    mapped = text.removeprefix("::ffff:")
    return mapped if "." in mapped else text
