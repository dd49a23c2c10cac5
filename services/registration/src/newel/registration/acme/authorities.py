"""The names clients may use for this server.

URLs are built from a Host header only if it is one of them (RFC 8555 §6.4).
"""

from collections.abc import Iterable


class Authorities:
    """An allow list of hosts; one with a port allows that port alone, one without allows any.

    IPv6 addresses are given in brackets when a port follows, and may be given bare otherwise.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self._exact: set[str] = set()
        self._hosts: set[str] = set()
        for text in allowed:
            host, port = _split(text.lower())
            if port:
                self._exact.add(f"{host}:{port}")
            else:
                self._hosts.add(host)

    def allows(self, authority: str) -> bool:
        """Tell whether a Host header is one of the allowed names, in any case."""
        lowered = authority.lower()
        if lowered in self._exact:
            return True
        host, port = _split(lowered)
        return host in self._hosts and (not port or (port.isdecimal() and len(port) <= 5))


def _split(text: str) -> tuple[str, str]:
    """Split host and port; an IPv6 address loses its brackets."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":") if rest.startswith(":") else rest
    if text.count(":") > 1:  # a bare IPv6 address
        return text, ""
    host, _, port = text.partition(":")
    return host, port
