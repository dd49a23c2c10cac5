"""The constraints of a name policy, one text each, in their canonical form.

Every function raises ValueError that says why a text is no constraint of its kind.
"""

import ipaddress
import re
from typing import TypeAlias

from newel.crypto import dns_names, names
from newel.crypto.dns_names import InvalidNameError, NameRules

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOST = NameRules(wildcards=False, underscores=True)
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_LONGEST = 2048
_PORT = re.compile(r"[^:]*:[0-9]*", re.ASCII)


def common_name(text: str) -> str:
    """Return a common name in lower case. A ``*`` alone is none: every name would match."""
    found = _require_text(text).lower()
    if found == "*":
        raise ValueError("a wildcard is not supported for common names")
    return found


def domain(text: str) -> str:
    """Return a host, or ``.domain`` for ``*.domain``, which matches exactly one more label."""
    found = _require_text(text)
    if ".." in found:
        raise ValueError("it has an empty label")
    if found.startswith("."):
        raise ValueError(f'a wildcard is written "*{found}"')
    if found.startswith("*."):
        return f".{_host(found[2:])}"
    if "*" in found:
        raise ValueError("a wildcard is the whole first label and nothing else")
    return _host(found)


def ip_range(text: str) -> Network:
    """Return the network of an address or of a CIDR range; IPv4 inside IPv6 becomes IPv4."""
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError("it is neither an IP address nor a range like 10.0.0.0/8") from None
    if isinstance(network, ipaddress.IPv6Network):
        if "%" in text:
            raise ValueError("an address with a zone")
        if network.subnet_of(_MAPPED):
            octets = network.network_address.packed[12:]
            return ipaddress.IPv4Network((octets, network.prefixlen - 96))
    return network


def email(text: str) -> str:
    """Return ``local@host``, or ``@host`` for every mailbox of a host; both in lower case."""
    found = _require_text(text).lower()
    if "*" in found:
        raise ValueError("it has an asterisk; write @host for every mailbox of a host")
    if found.count("@") > 1:
        raise ValueError("it has more than one @")
    local, _, host = found.rpartition("@")
    if not local:
        return f"@{_host(host)}"
    try:
        return names.email_address(found).value
    except InvalidNameError as error:
        raise ValueError(str(error)) from None


def uri_host(text: str) -> str:
    """Return the host of URIs, as :func:`domain` does; their scheme and path are not compared."""
    found = _require_text(text)
    if "://" in found:
        raise ValueError("it has a scheme; write the host alone")
    if "[" in found or "]" in found or _is_address(found):
        raise ValueError("it is an IP address; only domain names can be compared")
    if _PORT.fullmatch(found):
        raise ValueError("it has a port; write the host alone")
    return domain(found)


def principal(text: str) -> str:
    """Return an SSH principal in lower case; ``*`` is every principal."""
    return _require_text(text).lower()


def _require_text(text: str) -> str:
    found = text.strip()
    if not found:
        raise ValueError("it is empty")
    if len(found) > _LONGEST:
        raise ValueError(f"it is longer than {_LONGEST} characters")
    return found


def _host(text: str) -> str:
    try:
        return dns_names.canonical(text, _HOST)
    except InvalidNameError as error:
        raise ValueError(str(error)) from None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
