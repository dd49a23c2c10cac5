"""Addresses to listen on as operators write them: ``host:port``, ``:port``, ``[v6]:port``, or a host."""

import errno
import ipaddress
import socket
from typing import NamedTuple

LARGEST_PORT = 65535
LEAST_UNPRIVILEGED = 1024


class Address(NamedTuple):
    """Where to listen. ``host`` is a name or an address without brackets; "" is every interface."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(text: str, default_port: int | None = None) -> Address:
    """Parse an address; a host alone takes ``default_port``. Raises ValueError that says what is expected."""
    host, colon, port = text.strip().rpartition(":")
    if text.strip().endswith("]") or not colon or _is_ipv6(text):
        host, port = text.strip(), ""
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    wrong = ValueError(
        f"'{text}' is not an address to listen on; write HOST:PORT, as in 127.0.0.1:9000"
    )
    if not port and not colon and host.isdigit():
        raise ValueError(f"'{text}' is no host; write HOST:{host}, or :{host} for every interface")
    if (":" in host or bracketed) and not _is_ipv6(host):
        raise wrong
    if not port:
        if default_port is None or not host:
            raise wrong
        return Address(host, default_port)
    if not (port.isascii() and port.isdigit() and int(port) <= LARGEST_PORT):
        raise ValueError(
            f"'{port}' of '{text}' is not a port; a port is a number up to {LARGEST_PORT}"
        )
    return Address(host, int(port))


def resolve(host: str) -> tuple[socket.AddressFamily, str]:
    """Find the family and numeric address of a host, IPv4 first as Go does. Raises OSError."""
    if not host:
        return socket.AF_INET, ""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise OSError(errno.EADDRNOTAVAIL, f"the name {host} cannot be resolved") from None
    family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    return family, str(address[0])


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text.strip()).version == 6
    except ValueError:
        return False
