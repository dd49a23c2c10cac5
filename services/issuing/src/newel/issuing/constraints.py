"""Name constraints of the issuers' own chain: RFC 5280 §4.2.1.10, enforced before anything is signed.

A relying party would reject what breaks them; most, not all, do. What is excluded beats what is
permitted, in whichever certificate of the chain it stands. A common name that could be taken for a
host is held to the same.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from cryptography import x509

from newel.crypto import names
from newel.crypto.distinguished_names import COMMON_NAME, Attribute
from newel.crypto.dns_names import InvalidNameError
from newel.runtime.errors import ErrorType, NewelError

_NAMING = {COMMON_NAME, "1.2.840.113549.1.9.1"}  # and emailAddress
_NAME_LIKE = re.compile(r"[.:@]")

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class UnknownConstraintError(ValueError):
    """The chain has a constraint of a kind that is not enforced here."""


@dataclass(frozen=True, slots=True)
class Subtree:
    """One GeneralSubtree: a kind of name, and a base in lower case or a network."""

    kind: str
    base: str | Network

    def covers(self, name: names.GeneralName) -> bool:
        """Whether a name of this kind lies in the subtree."""
        if isinstance(name, names.IpAddress):
            return not isinstance(self.base, str) and name.value in self.base
        if not isinstance(self.base, str):
            return False
        if isinstance(name, names.DnsName):
            base = self.base.removeprefix(".")
            return not base or name.value == base or name.value.endswith(f".{base}")
        if isinstance(name, names.EmailAddress) and "@" in self.base:
            return name.value.lower() == self.base
        return _host_in(_host(name), self.base)

    def touches(self, name: names.GeneralName) -> bool:
        """Whether a name lies in the subtree or, being a wildcard, stands for one that does."""
        if self.covers(name):
            return True
        if not isinstance(name, names.DnsName) or not name.value.startswith("*."):
            return False
        parent = name.value.removeprefix("*.")
        base = str(self.base).removeprefix(".")
        return base == parent or base.endswith(f".{parent}")


class NameConstraints:
    """The constraints of a whole chain."""

    def __init__(self, chain: Iterable[x509.Certificate]) -> None:
        """Raises :class:`UnknownConstraintError`."""
        self._permitted: list[Sequence[Subtree]] = []  # by certificate: each must permit
        self._excluded: list[Subtree] = []
        for certificate in chain:
            try:
                found = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
            except x509.ExtensionNotFound:
                continue
            self._permitted.append([_subtree(each) for each in found.permitted_subtrees or ()])
            self._excluded += [_subtree(each) for each in found.excluded_subtrees or ()]
        self._none = not self._permitted and not self._excluded

    def check(self, san: Iterable[names.GeneralName], subject: Iterable[Attribute]) -> None:
        """Raises ``rejectedIdentifier`` for the first name that is out of bounds."""
        if self._none:
            return
        for name in (*san, *_hosts(subject)):
            if any(each.kind == name.kind and each.touches(name) for each in self._excluded):
                raise _refused(name, "excluded")
            for permitted in self._permitted:
                same = [each for each in permitted if each.kind == name.kind]
                if same and not any(each.covers(name) for each in same):
                    raise _refused(name, "not permitted")


def _hosts(subject: Iterable[Attribute]) -> Iterable[names.GeneralName]:
    """What in the subject a client could take for a name: it has a dot, a colon or an at sign."""
    for each in subject:
        if each.oid not in _NAMING or not _NAME_LIKE.search(each.value):
            continue
        try:
            yield names.parse_san(each.value)
        except InvalidNameError:
            continue


def _subtree(base: x509.GeneralName) -> Subtree:
    if isinstance(base, x509.DNSName):
        return Subtree("dns", base.value.lower().rstrip("."))
    if isinstance(base, x509.IPAddress):
        value = base.value
        if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
            return Subtree("ip", value)
    if isinstance(base, x509.RFC822Name):
        return Subtree("email", base.value.lower())
    if isinstance(base, x509.UniformResourceIdentifier):
        return Subtree("uri", base.value.lower())
    raise UnknownConstraintError(f"a name constraint of the kind {type(base).__name__}")


def _host(name: names.GeneralName) -> str:
    if isinstance(name, names.EmailAddress):
        return name.value.rpartition("@")[2].lower()
    return urlsplit(str(name)).hostname or ""


def _host_in(host: str, base: str) -> bool:
    """For e-mail and URI a base is one host, or with a leading dot everything below it."""
    return host.endswith(base) and host != base if base.startswith(".") else host == base


def _refused(name: names.GeneralName, how: str) -> NewelError:
    return NewelError(
        ErrorType.REJECTED_IDENTIFIER,
        f"the name {name} is {how} by the name constraints of the authority",
    )
