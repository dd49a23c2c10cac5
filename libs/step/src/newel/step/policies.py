"""Name policies as ca.json carries them: which names are issued, to whom.

``authority.policy`` and ``policy`` of a provisioner have the same members.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from newel.step import policy_constraints
from newel.step.treatment import Member, honour

MOST = 100_000
"""Constraints of one list."""


class NameLists(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The constraints of one side, allow or deny. Lists that are not of the certificate's kind stay empty."""

    cn: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    ip: tuple[str, ...] = ()
    email: tuple[str, ...] = ()
    uri: tuple[str, ...] = ()
    principal: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is no constraint at all."""
        lists = (self.cn, self.dns, self.ip, self.email, self.uri, self.principal)
        return not any(lists)


class NamePolicy(msgspec.Struct, omit_defaults=True, kw_only=True, rename="camel"):
    """What is allowed and denied. Without any constraint it is no policy."""

    allow: NameLists = NameLists()
    deny: NameLists = NameLists()
    allow_wildcard_names: bool = False
    """Whether a certificate may have a name that is itself a wildcard. Of X.509 alone."""


class SSHPolicies(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One policy for each kind of SSH certificate."""

    user: NamePolicy | None = None
    host: NamePolicy | None = None


class PolicyConfig(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One level's policies."""

    x509: NamePolicy | None = None
    ssh: SSHPolicies | None = None


class _Kind(NamedTuple):
    """One list of constraints."""

    parse: Callable[[str], object]
    label: str
    """Its name in step-ca's messages."""
    says: str


_KINDS: Mapping[str, _Kind] = {
    "cn": _Kind(policy_constraints.common_name, "common name", "common names, whole, in any case"),
    "dns": _Kind(policy_constraints.domain, "domain", "a host, or `*.domain` for exactly one label more"),
    "ip": _Kind(policy_constraints.ip_range, "IP range", "addresses and CIDR ranges"),
    "email": _Kind(policy_constraints.email, "email", "a mailbox, or `@host` for every one of a host"),
    "uri": _Kind(policy_constraints.uri_host, "URI domain", "hosts of URIs, as of `dns`"),
    "principal": _Kind(policy_constraints.principal, "principal", "principals, whole; `*` is every one"),
}  # fmt: skip # a table


def _item_problem(kind: _Kind) -> Callable[[Any], str]:
    def problem(value: Any) -> str:
        if not isinstance(value, str):
            return "it must be text"
        try:
            kind.parse(value)
        except ValueError as error:
            return f"{value[:100]!r}: {error}"
        return ""

    return problem


def _list_problem(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, list):
        return "it is not a list"
    return f"more than {MOST} constraints" if len(cast("list[Any]", value)) > MOST else ""


def _lists(*kinds: str) -> Mapping[str, Member]:
    return {
        kind: honour(
            _KINDS[kind].says, problem=_list_problem, item_problem=_item_problem(_KINDS[kind])
        )
        for kind in kinds
    }


def _sides(*kinds: str) -> dict[str, Member]:
    return {side: honour("names", members=_lists(*kinds)) for side in ("allow", "deny")}


def _flag(value: Any) -> str:
    return "" if value is None or isinstance(value, bool) else "it must be true or false"


POLICY: Mapping[str, Member] = {
    "x509": honour(
        "which names X.509 certificates may have",
        members={
            **_sides("cn", "dns", "ip", "email", "uri"),
            "allowWildcardNames": honour("whether names may be wildcards", problem=_flag),
        },
    ),
    "ssh": honour(
        "which principals SSH certificates may have",
        members={
            "user": honour("of users", members=_sides("email", "principal", "dns", "ip")),
            "host": honour("of hosts", members=_sides("dns", "ip", "principal", "email")),
        },
    ),
}


class ParsedLists(NamedTuple):
    """The constraints of one side in canonical form, without duplicates."""

    cn: Sequence[str] = ()
    dns: Sequence[str] = ()
    ip: Sequence[policy_constraints.Network] = ()
    email: Sequence[str] = ()
    uri: Sequence[str] = ()
    principal: Sequence[str] = ()


def parse_lists(lists: NameLists, side: str) -> ParsedLists:
    """Parse one side's constraints. ``side`` is ``permitted`` or ``excluded``.

    Raises ValueError with the constraint at fault.
    """
    return ParsedLists(
        **{name: tuple(dict.fromkeys(_parse(lists, name, side))) for name in _KINDS}  # pyright: ignore[reportArgumentType] - each kind has its own type
    )


def _parse(lists: NameLists, name: str, side: str) -> Iterator[Any]:
    kind = _KINDS[name]
    for text in getattr(lists, name):
        try:
            yield kind.parse(text)
        except ValueError as error:
            raise ValueError(
                f'cannot parse {side} {kind.label} constraint "{text[:256]}": {error}'
            ) from None
