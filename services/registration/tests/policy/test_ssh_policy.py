"""Policies on the principals of SSH certificates: other spellings of what is denied."""

from typing import Any, Literal

import msgspec
import pytest

from newel.registration.policy.sides import NameNotAllowedError
from newel.registration.policy.ssh import SSHPolicy
from newel.step.policies import SSHPolicies

DENIED = {"dns": ["db.internal"], "ip": ["10.0.0.0/8"], "email": ["@evil.example"]}


def policy(**sides: Any) -> SSHPolicy:
    return SSHPolicy(msgspec.convert(sides, SSHPolicies))


@pytest.mark.attack("S01")
@pytest.mark.parametrize(
    ("kind", "principal"),
    [
        ("host", "db.internal"),
        ("host", "DB.internal"),
        ("host", "db.internal."),
        ("host", "db.internal\t"),
        ("host", "*.internal"),
        ("host", "10.1.1.1"),
        ("host", "::ffff:10.1.1.1"),
        ("host", "[10.1.1.1]"),
        ("host", "10.1.1.1:22"),
        ("host", "010.1.1.1"),
        ("user", "ada@EVIL.example"),
        ("user", "ada@evil.example."),
    ],
)
def test_no_spelling_of_a_denied_principal_is_allowed(
    kind: Literal["user", "host"], principal: str
) -> None:
    held = policy(
        user={"deny": {"email": DENIED["email"]}},
        host={"deny": {"dns": DENIED["dns"], "ip": DENIED["ip"]}},
    )
    with pytest.raises(NameNotAllowedError):
        held.check(kind, [principal])
    held.check("host", ["web.internal", "192.0.2.1"])
    held.check("user", ["ada", "ada@good.example", "not a name"])


def test_what_is_no_name_is_allowed_where_it_is_listed() -> None:
    held = policy(host={"allow": {"principal": ["rack 7"]}, "deny": {"dns": ["db.internal"]}})
    held.check("host", ["rack 7"])
    with pytest.raises(NameNotAllowedError):
        held.check("host", ["rack 8"])
