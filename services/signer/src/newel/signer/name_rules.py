"""Bounds for the names in the certificates a key signs, in the manner of RFC 5280 §4.2.1.10.

A rule is a kind and a base: ``dns:example.com`` covers that name and everything below it, also under a
wildcard; ``ip:10.0.0.0/8`` a network; ``email:example.com`` the mailboxes of that host and those below;
``uri:example.com`` the same of hosts in URIs.
"""

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from newel.crypto import der, names
from newel.crypto.dns_names import InvalidNameError, NameRules
from newel.signer.refusal import refused

_LAX = NameRules(underscores=True)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class NameRule:
    """One rule; ``base`` is a domain name in lower case or a network."""

    kind: str
    base: str | Network

    def covers(self, name: names.GeneralName) -> bool:
        """Whether a name of this rule's kind is at the base or below it."""
        if isinstance(name, names.IpAddress):
            return not isinstance(self.base, str) and name.value in self.base
        host = _host(name)
        return host == self.base or host.endswith(f".{self.base}")


def _host(name: names.DnsName | names.EmailAddress | names.Uri) -> str:
    if isinstance(name, names.EmailAddress):
        return name.value.rpartition("@")[2]
    if isinstance(name, names.Uri):
        return urlsplit(name.value).hostname or ""
    return name.value.removeprefix("*.")


def parse_rule(text: str) -> NameRule:
    """The rule of ``kind:base``. Raises ``ValueError``."""
    kind, _, base = text.partition(":")
    if kind == "ip":
        return NameRule(kind, ipaddress.ip_network(base))
    if kind not in {"dns", "email", "uri"}:
        raise ValueError(f"a rule for names begins with dns:, ip:, email: or uri:, not {text!r}")
    return NameRule(kind, names.dns_name(base, NameRules(wildcards=False, underscores=True)).value)


def name_bounds(
    permitted: Iterable[str], excluded: Iterable[str]
) -> Callable[[bytes], None] | None:
    """What refuses a subjectAltName value that is out of bounds; None when there are no bounds.

    With bounds, names of kinds that no rule speaks of are refused too when any are permitted: what was not
    thought of is not allowed. Raises ``ValueError`` for a rule that is none.
    """
    inside = [parse_rule(text) for text in permitted]
    outside = [parse_rule(text) for text in excluded]
    if not inside and not outside:
        return None

    def check(value: bytes) -> None:
        for encoded in der.split(der.only(value).content):
            try:
                name = names.from_der(encoded[0], der.content(encoded), _LAX)
            except InvalidNameError as error:
                raise refused(f"a name that the key's bounds cannot judge: {error}") from None
            if any(rule.kind == name.kind and rule.covers(name) for rule in outside):
                raise refused(f"the name {name} is excluded")
            if inside and not any(rule.kind == name.kind and rule.covers(name) for rule in inside):
                raise refused(f"the name {name} is not permitted")

    return check
