"""Bounds for the names in the certificates a key signs, in the manner of RFC 5280 §4.2.1.10.

A rule is a kind and a base: ``dns:example.com`` covers that name and everything below it, also under a
wildcard, and excludes ``*.com``, which stands for it too; ``ip:10.0.0.0/8`` a network; ``email:example.com``
the mailboxes of that host and those below; ``uri:example.com`` the same of hosts in URIs. There is no rule for
other kinds of name (otherName, with which Windows logs people on; directoryName …), so none of these is ever
signed.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from newel.crypto import der, distinguished_names, dns_names, names
from newel.crypto.dns_names import STRICT, InvalidNameError, NameRules
from newel.signer.refusal import refused

_UNDERSCORED = NameRules(underscores=True)
_COMMON_NAME = distinguished_names.COMMON_NAME
_NAMING = {
    _COMMON_NAME: "common name",
    "1.2.840.113549.1.9.1": "emailAddress",
    "0.9.2342.19200300.100.1.3": "mail",
    "1.2.840.113549.1.9.2": "unstructuredName",
    "1.2.840.113549.1.9.8": "unstructuredAddress",
}
"""The attributes of a subject that some verifier takes for a name or an address of a host or person."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class NameRule:
    """One rule; ``base`` is a domain name in lower case or a network."""

    kind: str
    base: str | Network

    def covers(self, name: names.GeneralName) -> bool:
        """Whether a name is of this rule's kind and at the base or below it."""
        if self.kind != name.kind:
            return False
        if isinstance(name, names.IpAddress):
            return not isinstance(self.base, str) and name.value in self.base
        host = _host(name)
        return host == self.base or host.endswith(f".{self.base}")

    def meets(self, name: names.GeneralName) -> bool:
        """Whether a name is covered, or is a wildcard that also stands for this rule's base."""
        if self.covers(name):
            return True
        if self.kind != "dns" or not isinstance(name, names.DnsName):
            return False
        return name.value.startswith("*.") and str(self.base).partition(".")[2] == _host(name)


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


def name_bounds(permitted: Iterable[str], excluded: Iterable[str]) -> "NameBounds":
    """The bounds that a configuration writes as texts. Raises ``ValueError`` for a rule that is none."""
    return NameBounds(
        tuple(parse_rule(text) for text in permitted), tuple(parse_rule(text) for text in excluded)
    )


@dataclass(frozen=True, slots=True)
class NameBounds:
    """Where the names of a certificate must lie.

    When any are permitted, names of kinds that no rule speaks of are refused too: what was not thought of
    is not allowed.
    """

    permitted: tuple[NameRule, ...] = ()
    excluded: tuple[NameRule, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there are bounds."""
        return bool(self.permitted or self.excluded)

    def check_alternative_names(self, value: bytes) -> None:
        """Read every name of a subjectAltName value, and hold it against the bounds.

        Raises :func:`refused`, and ``ValueError`` for what cannot be read.
        """
        encoded = der.split(der.only(value).content)
        if not encoded:
            raise ValueError("it has no names")
        bounded = self.any
        for each in encoded:
            content = der.content(each)
            # which differ in nothing but underscores; the strict names are remembered
            rules = _UNDERSCORED if b"_" in content else STRICT
            if bounded or each[0] != names.DNS_TAG:
                name = names.from_der(each[0], content, rules)
                if bounded:
                    self.check(name)
            else:
                dns_names.canonical(content.decode("ascii"), rules)

    def check_subject(self, subject: bytes) -> None:
        """Hold the names in a subject against the bounds, as verifiers that look there read them.

        A common name with white space inside, or with none of ``.:@``, names nobody on a network. Raises
        :func:`refused`.
        """
        try:
            attributes = distinguished_names.decode(subject)
        except der.DerError as error:
            raise refused(f"a subject that the key's bounds cannot judge: {error}") from None
        for attribute in attributes:
            what = _NAMING.get(attribute.oid)
            text = attribute.value.strip().rstrip(".")
            if what is None or (attribute.oid == _COMMON_NAME and not _could_name(text)):
                continue
            try:
                name = names.parse_san(text, _UNDERSCORED)
            except InvalidNameError as error:
                raise refused(f"a {what} that the key's bounds cannot judge: {error}") from None
            self.check(name)

    def check(self, name: names.GeneralName) -> None:
        """Raise :func:`refused` for a name that is out of bounds."""
        if any(rule.meets(name) for rule in self.excluded):
            raise refused(f"the name {name} is excluded")
        if self.permitted and not any(rule.covers(name) for rule in self.permitted):
            raise refused(f"the name {name} is not permitted")


NO_BOUNDS = NameBounds()


def _could_name(text: str) -> bool:
    if not text.isprintable():
        return True
    return any(char in text for char in ".:@") and not any(char.isspace() for char in text)
