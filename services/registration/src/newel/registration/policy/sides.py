"""The two sides of a policy, compiled, and the error that both kinds of certificate share."""

from typing import NamedTuple

from newel.registration.policy.constraints import Domains, Mailboxes, Networks, Texts
from newel.step.policies import NamePolicy, parse_lists


class NameNotAllowedError(ValueError):
    """A policy does not allow a name. The text is step-ca's."""

    def __init__(self, kind: str, name: str, why: str = "name {} not allowed") -> None:
        quoted = '"' + name[:256].replace("\\", "\\\\").replace('"', '\\"') + '"'
        super().__init__(f"{kind} {why.format(quoted)}")


class Side(NamedTuple):
    """One side's constraints, allow or deny."""

    cn: Texts
    dns: Domains
    ip: Networks
    email: Mailboxes
    uri: Domains
    principal: Texts


class Sides:
    """What is allowed and denied."""

    def __init__(self, policy: NamePolicy) -> None:
        """Compile a policy. Raises ValueError with the constraint at fault."""
        self.allow = _compile(policy, "allow")
        self.deny = _compile(policy, "deny")
        self.has_allow = any(self.allow)
        """Whether there is any allow list: then names of a kind without one are denied."""
        self.is_empty = not self.has_allow and not any(self.deny)
        """Whether there is no constraint at all: then everything is allowed."""

    def permits(self, *, listed: bool, matched: bool) -> bool:
        """Decide by the allow list of a kind of name: whether there is one, and what it says."""
        return matched if listed else not self.has_allow


def _compile(policy: NamePolicy, side: str) -> Side:
    allow = side == "allow"
    lists = parse_lists(
        policy.allow if allow else policy.deny, "permitted" if allow else "excluded"
    )
    return Side(
        Texts(lists.cn),
        Domains(lists.dns),
        Networks(lists.ip),
        Mailboxes(lists.email),
        Domains(lists.uri),
        Texts(lists.principal, every="*"),
    )
