"""Which proxy a URL is asked through: the variables and the rules of Go's net/http, which step follows.

`HTTPS_PROXY` and `HTTP_PROXY` by the scheme of what is asked, then their lower-case forms; `ALL_PROXY` is not
looked at. This machine is never asked through a proxy. `NO_PROXY` lists, with commas: `*`, addresses,
networks (CIDR), and names, which stand for all below them (`.name` and `*.name`: only for those); an
address or a name may have a port.
"""

import os
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from newel.client.errors import UnreachableError

PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address


class Proxy(NamedTuple):
    """A proxy and what proves to it who asks."""

    scheme: str
    host: str
    port: int
    user: str | None
    password: str

    @property
    def authorization(self) -> dict[str, str]:
        """The header with the credentials of the proxy's URL (RFC 7617); empty without any."""
        if self.user is None:
            return {}
        import base64

        pair = f"{self.user}:{self.password}".encode()
        return {"Proxy-Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    @property
    def address(self) -> str:
        """The proxy as errors name it: without its credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def find_proxy(url: str) -> Proxy | None:
    """Find the proxy for an http or https URL. Raise UnreachableError for one that is no proxy's address."""
    parts = urlsplit(url)
    variable = f"{parts.scheme.upper()}_PROXY"
    given = os.environ.get(variable) or os.environ.get(variable.lower())
    if not given or (variable == "HTTP_PROXY" and "REQUEST_METHOD" in os.environ):
        return None  # in a CGI program HTTP_PROXY is a header of the client
    if is_direct(parts.hostname or "", parts.port or PORTS[parts.scheme]):
        return None
    return parse_proxy(given, variable)


def parse_proxy(given: str, variable: str) -> Proxy:
    """Parse the value of a variable; without a scheme it is an HTTP proxy's."""
    scheme = given.partition("://")[0].lower() if "://" in given else ""
    if scheme not in PORTS:
        given, scheme = f"http://{given}", "http"
    try:
        parts = urlsplit(given)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
        parts = urlsplit("")
    if not host:
        raise UnreachableError(f"{variable} is not the address of a proxy")
    user = None if parts.username is None else unquote(parts.username)
    return Proxy(scheme, host, port or PORTS[scheme], user, unquote(parts.password or ""))


def is_direct(host: str, port: int) -> bool:
    """Whether a host is asked without a proxy."""
    host = host.lower().removesuffix(".")
    address = parse_address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    listed = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    return any(
        matches(entry.strip().lower(), host, port, address)
        for entry in listed.split(",")
        if entry.strip()
    )


def matches(entry: str, host: str, port: int, address: "IPv4Address | IPv6Address | None") -> bool:
    """Whether an entry of NO_PROXY stands for a host."""
    if entry == "*":
        return True
    if "/" in entry:
        return address is not None and within(address, entry)
    name, _, suffix = entry.rpartition(":")
    if name and suffix.isdigit() and (":" not in name or name.startswith("[")):
        if int(suffix) != port:
            return False
        entry = name
    entry = entry.strip("[]")
    listed = parse_address(entry)
    if listed is not None or address is not None:
        return listed == address
    entry = entry.removeprefix("*").removesuffix(".")
    if entry.startswith("."):
        return host.endswith(entry)
    return host == entry or host.endswith(f".{entry}")


def within(address: "IPv4Address | IPv6Address", network: str) -> bool:
    """Whether an address is of a network; what is no network has none."""
    from ipaddress import ip_network

    try:
        return address in ip_network(network, strict=False)
    except ValueError:
        return False


def parse_address(text: str) -> "IPv4Address | IPv6Address | None":
    """Parse an address; None for a name."""
    if not text[:1].isdigit() and ":" not in text and not text[-1:].isdigit():
        return None  # and ipaddress need not be imported
    from ipaddress import IPv6Address, ip_address

    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
