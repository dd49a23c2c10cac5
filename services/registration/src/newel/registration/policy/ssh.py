"""Policies on the principals of SSH certificates, one for users and one for hosts."""

from collections.abc import Iterable
from typing import Literal

from newel.crypto import names
from newel.crypto.dns_names import UNDERSCORES, InvalidNameError
from newel.crypto.names import DNSName, EmailAddress, IPAddress
from newel.registration.policy.sides import NameNotAllowedError, Sides
from newel.step.policies import NamePolicy, SSHPolicies


class SSHPolicy:
    """The policies of one level. With a policy for one kind of certificate the other is denied."""

    def __init__(self, policies: SSHPolicies) -> None:
        """Compile both. Raises ValueError with the constraint at fault."""
        self._sides = {
            "user": Sides(policies.user or NamePolicy()),
            "host": Sides(policies.host or NamePolicy()),
        }

    @property
    def is_empty(self) -> bool:
        """Whether there is no constraint at all, so that every principal is allowed."""
        return all(each.is_empty for each in self._sides.values())

    def check(self, kind: Literal["user", "host"], principals: Iterable[str]) -> None:
        """Raise :class:`NameNotAllowedError` for the first principal that is not allowed."""
        sides, other = self._sides[kind], "host" if kind == "user" else "user"
        if sides.is_empty and not self._sides[other].is_empty:
            raise NameNotAllowedError(
                f"authority not allowed to sign SSH {kind} certificates when SSH {other}",
                "",
                "certificate policy is active",
            )
        if not sides.is_empty:
            for principal in principals:
                _check(sides, principal, kind)


def _check(sides: Sides, principal: str, kind: str) -> None:
    allow, deny = sides.allow, sides.deny
    try:
        name = names.parse_san(principal, UNDERSCORES)
    except InvalidNameError:
        name = None
    match name:
        case IPAddress(address):
            label, listed = "ip", bool(allow.ip)
            matched, denied = allow.ip.match(address), deny.ip.touch(address)
        case EmailAddress(value):
            label, listed = "email", bool(allow.email)
            matched, denied = allow.email.match(value), deny.email.match(value)
        case DNSName(value) if kind == "host":
            label, listed = "dns", bool(allow.dns)
            matched, denied = allow.dns.match(value), deny.dns.touch(value)
            denied = denied or value.startswith("*.")
        case _:
            label, listed, matched, denied = "principal", False, False, False
    listed = listed or bool(allow.principal)
    matched = matched or allow.principal.match(principal)
    denied = denied or deny.principal.touch(principal)
    if name is None and not allow.principal.match(principal):
        # another spelling of a denied name, for all that can be told
        is_host = kind == "host"
        denied = denied or bool(deny.dns or deny.ip if is_host else deny.email and "@" in principal)
    if denied or not sides.permits(listed=listed, matched=matched):
        raise NameNotAllowedError(label, principal)
