"""A policy on the names of X.509 certificates.

What is denied is refused first, then what an allow list leaves out. The rules and messages are those
of step-ca's policies. Where step-ca lets a denied name through, the stricter reading applies;
docs/divergences.md says where.
"""

from collections.abc import Iterable, Sequence

from newel.crypto import names
from newel.crypto.dns_names import UNDERSCORES, InvalidNameError
from newel.crypto.name_constraints import host_of_uri
from newel.crypto.names import (
    DNSName,
    EmailAddress,
    GeneralName,
    IPAddress,
    PermanentIdentifier,
)
from newel.registration.policy.sides import NameNotAllowedError, Sides
from newel.step.policies import NamePolicy

_ORDER = {"dns": 0, "ip": 1, "email": 2, "uri": 3, "permanentIdentifier": 4}


class X509Policy:
    """The policy of one level: of the authority, a provisioner or an ACME account."""

    def __init__(self, policy: NamePolicy) -> None:
        """Compile a policy. Raises ValueError with the constraint at fault."""
        self._sides = Sides(policy)
        self._wildcards = policy.allow_wildcard_names

    @property
    def is_empty(self) -> bool:
        """Whether there is no constraint at all, so that every name is allowed."""
        return self._sides.is_empty

    def check(self, general_names: Iterable[GeneralName], common_name: str = "") -> None:
        """Raise :class:`NameNotAllowedError` for the first name that is not allowed.

        The subject alternative names come first, by kind, then the common name.
        """
        if self._sides.is_empty:
            return
        spelled: list[str] = []
        for name in sorted(general_names, key=_order):
            spelled.append(text := str(name))
            self._check_name(name, name.kind, text)
        if common_name:
            self._check_common_name(common_name, spelled)

    def _check_name(self, name: GeneralName, kind: str, shown: str) -> None:
        allow, deny = self._sides.allow, self._sides.deny
        match name:
            case DNSName(value):
                lists, matched, denied = allow.dns, allow.dns.match(value), deny.dns.touch(value)
                denied = denied or (value.startswith("*.") and not self._wildcards)
            case IPAddress(address):
                lists, matched, denied = allow.ip, allow.ip.match(address), deny.ip.touch(address)
            case EmailAddress(value):
                lists = allow.email
                matched, denied = lists.match(value), deny.email.match(value)
            case PermanentIdentifier(value):
                # no kind of constraint is for devices, whose identifier is their common name too
                lists, matched, denied = allow.cn, allow.cn.match(value), deny.cn.touch(value)
            case _:
                lists, host = allow.uri, self._host(name.value, kind)
                matched, denied = lists.match(host), deny.uri.match(host)
        if denied or not self._sides.permits(listed=bool(lists), matched=matched):
            raise NameNotAllowedError(kind, shown)

    def _host(self, uri: str, kind: str) -> str:
        """Return what URIs are compared by; "" for one without a host where none are constrained."""
        host = host_of_uri(uri)
        if host is None and (self._sides.allow.uri or self._sides.deny.uri):
            raise NameNotAllowedError(f"error matching {kind}", uri, "name {} to constraint")
        return host or ""

    def _check_common_name(self, text: str, allowed: Sequence[str]) -> None:
        """Apply the constraints for common names, then those for what the text is.

        ``allowed`` are the other names, whose verdict would be the same.
        """
        allow, deny = self._sides.allow, self._sides.deny
        if deny.cn.touch(text):
            raise NameNotAllowedError("cn", text)
        if allow.cn.match(text) or text in allowed:
            return
        try:
            name = names.parse_san(text, UNDERSCORES)
        except InvalidNameError:
            mailbox = "@" in text
            listed = allow.email or deny.email if mailbox else allow.dns or deny.dns
            if self._sides.has_allow and not listed:
                raise NameNotAllowedError("cn", text) from None
            kind = "rfc822Name {}" if mailbox else "domain {}"
            raise NameNotAllowedError("cannot parse cn", text, kind) from None
        self._check_name(name, "cn", text)


def _order(name: GeneralName) -> int:
    return _ORDER[name.kind]
