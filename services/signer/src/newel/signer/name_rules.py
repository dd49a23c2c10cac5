"""Bounds for the names in the certificates a key signs, modelled on RFC 5280 §4.2.1.10.

A rule is a kind and a base: ``dns:example.com`` covers that name and every name below it, also under a
wildcard, and excludes ``*.com``, which matches it; ``ip:10.0.0.0/8`` a network; ``email:example.com`` the
mailboxes of that host and those below; ``uri:example.com`` the same for hosts in URIs. No rule exists for
a device's permanentIdentifier: with permitted names it is refused. Other kinds of name (other otherNames,
which Windows uses for logon; directoryName …) are never signed.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from newel.crypto import der, distinguished_names, dns_names, names, oids
from newel.crypto.dns_names import STRICT, InvalidNameError, NameRules
from newel.signer.errors import policy_error

_UNDERSCORED = NameRules(underscores=True)
_NAMING = {
    oids.COMMON_NAME: "common name",
    oids.EMAIL_ADDRESS: "emailAddress",
    oids.MAIL: "mail",
    oids.UNSTRUCTURED_NAME: "unstructuredName",
    oids.UNSTRUCTURED_ADDRESS: "unstructuredAddress",
}
"""The attributes of a subject that some verifiers use as the name of a host or a person."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class NameRule:
    """A rule; ``base`` is a domain name in lower case or a network."""

    kind: str
    base: str | Network

    def covers(self, name: names.GeneralName) -> bool:
        """Say whether a name has the kind of this rule and lies at the base or below it."""
        if self.kind != name.kind:
            return False
        if isinstance(name, names.IPAddress):
            return not isinstance(self.base, str) and name.value in self.base
        if isinstance(name, names.PermanentIdentifier):
            return False
        host = _host(name)
        return host == self.base or host.endswith(f".{self.base}")

    def excludes(self, name: names.GeneralName) -> bool:
        """Say whether any reading of a name lies at the base or below it.

        A wildcard may match the base, an IPv6 address may carry an IPv4 one, and a URI without a host
        (``https:///a.test``) has one for some programs.
        """
        if self.covers(name):
            return True
        if isinstance(name, names.IPAddress):
            base = self.base
            return not isinstance(base, str) and any(
                address in base for address in names.equivalent_addresses(name.value)
            )
        if isinstance(name, names.URI):
            return self.kind == "uri" and not _host(name)
        if self.kind != "dns" or not isinstance(name, names.DNSName):
            return False
        return name.value.startswith("*.") and str(self.base).partition(".")[2] == _host(name)


def _host(name: names.DNSName | names.EmailAddress | names.URI) -> str:
    if isinstance(name, names.EmailAddress):
        return name.value.rpartition("@")[2]
    if isinstance(name, names.URI):
        return urlsplit(name.value).hostname or ""
    return name.value.removeprefix("*.")


def parse_rule(text: str) -> NameRule:
    """Parse ``kind:base``. Raises ``ValueError``."""
    kind, _, base = text.partition(":")
    if kind == "ip":
        return NameRule(kind, ipaddress.ip_network(base))
    if kind not in {"dns", "email", "uri"}:
        raise ValueError(f"a rule for names begins with dns:, ip:, email: or uri:, not {text!r}")
    return NameRule(kind, names.dns_name(base, NameRules(wildcards=False, underscores=True)).value)


def name_bounds(permitted: Iterable[str], excluded: Iterable[str]) -> "NameBounds":
    """Parse the bounds of a configuration. Raises ``ValueError`` for an invalid rule."""
    return NameBounds(
        tuple(parse_rule(text) for text in permitted), tuple(parse_rule(text) for text in excluded)
    )


@dataclass(frozen=True, slots=True)
class NameBounds:
    """The bounds of the names of a certificate.

    If anything is permitted, names of kinds without a rule are refused.
    """

    permitted: tuple[NameRule, ...] = ()
    excluded: tuple[NameRule, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there are any bounds."""
        return bool(self.permitted or self.excluded)

    def check_alternative_names(self, value: bytes) -> None:
        """Check every name of a subjectAltName value against the bounds.

        Raises :func:`policy_error`, and ``ValueError`` for what cannot be read.
        """
        encoded = der.split(der.only(value).content)
        if not encoded:
            raise ValueError("it has no names")
        bounded = self.any
        for each in encoded:
            content = der.content(each)
            # the rules differ in underscores only; strict names are cached
            rules = _UNDERSCORED if b"_" in content else STRICT
            if bounded or each[0] != names.DNS_TAG:
                name = names.from_certificate(each[0], content, rules)
                if bounded:
                    self.check(name)
            else:
                dns_names.canonical(content.decode("ascii"), rules)

    def check_subject(self, subject: bytes) -> None:
        """Check the names in a subject against the bounds, as verifiers that look there read them.

        A common name with white space inside, or with none of ``.:@``, names no host or person. Raises
        :func:`policy_error`.
        """
        try:
            attributes = distinguished_names.decode(subject)
        except der.DERError as error:
            raise policy_error(
                f"the bounds of the key cannot be applied to the subject: {error}"
            ) from None
        for attribute in attributes:
            what = _NAMING.get(attribute.oid)
            text = attribute.value.strip().rstrip(".")
            if what is None or (attribute.oid == oids.COMMON_NAME and not _may_be_name(text)):
                continue
            try:
                found = _parse_subject_name(text)
            except InvalidNameError as error:
                raise policy_error(
                    f"the bounds of the key cannot be applied to the {what}: {error}"
                ) from None
            for name in found:
                self.check(name)

    def check(self, name: names.GeneralName) -> None:
        """Raise :func:`policy_error` for a name out of bounds."""
        if any(rule.excludes(name) for rule in self.excluded):
            raise policy_error(f"the name {name} is excluded")
        if self.permitted and not any(rule.covers(name) for rule in self.permitted):
            raise policy_error(f"the name {name} is not permitted")


NO_BOUNDS = NameBounds()


def _parse_subject_name(text: str) -> list[names.GeneralName]:
    """Parse a name in a subject; of ``a.test:443``, which has the form of a URI, the host too."""
    name = names.parse_san(text, _UNDERSCORED)
    if not isinstance(name, names.URI) or _host(name):
        return [name]
    return [name, names.parse_san(text.partition(":")[0], _UNDERSCORED)]


def _may_be_name(text: str) -> bool:
    if not text.isprintable():
        return True
    return any(char in text for char in ".:@") and not any(char.isspace() for char in text)
