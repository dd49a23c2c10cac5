"""The constraints of name policies: their one spelling, and what is refused with the place it stands at."""

import ipaddress
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.step import ca_json, policy_constraints
from newel.step.policies import MOST

TEXTS = st.text(max_size=40) | st.from_regex(r"[*.@a-z0-9:/\[\]%_-]{0,30}", fullmatch=True)
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["x509", "allow", "deny", "dns", "ip", "cn", "ssh", "user", "DNS", "x"]), inner, max_size=3
    ),
    max_leaves=8,
)  # fmt: skip # one strategy


@pytest.mark.parametrize(
    ("parse", "text", "canonical"),
    [
        (policy_constraints.domain, " EXAMPLE.com ", "example.com"),
        (policy_constraints.domain, "*.B\u00fccher.example", ".xn--bcher-kva.example"),
        (policy_constraints.domain, "_dmarc.example", "_dmarc.example"),
        (policy_constraints.email, "Alice@Example.com", "alice@example.com"),
        (policy_constraints.email, "example.com", "@example.com"),
        (policy_constraints.email, "@example.com", "@example.com"),
        (policy_constraints.uri_host, "*.Example.com", ".example.com"),
        (policy_constraints.common_name, " Alice Smith ", "alice smith"),
        (policy_constraints.principal, "*", "*"),
        (policy_constraints.ip_range, "10.1.2.3/8", ipaddress.ip_network("10.0.0.0/8")),
        (policy_constraints.ip_range, "::ffff:10.0.0.0/104", ipaddress.ip_network("10.0.0.0/8")),
        (policy_constraints.ip_range, "2001:DB8::1", ipaddress.ip_network("2001:db8::1/128")),
    ],
)
def test_a_constraint_has_one_spelling(
    parse: Callable[[str], object], text: str, canonical: object
) -> None:
    assert parse(text) == canonical


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("dns", ""), ("dns", " "), ("dns", "*"), ("dns", "*.*.a"), ("dns", "a.*"), ("dns", "*a.b"), ("dns", ".a"),
        ("dns", "a..b"), ("dns", "a."), ("dns", "10.0.0.1"), ("dns", "https://a"), ("dns", "a b"),
        ("ip", "a"), ("ip", "10.0.0.0/33"), ("ip", "10.0.0.1-10.0.0.9"), ("ip", "fe80::1%eth0"), ("ip", ""),
        ("email", "*@a"), ("email", "a@b@c"), ("email", "@"), ("email", "@.a"), ("email", "a b@c"),
        ("uri", "https://a"), ("uri", "a:443"), ("uri", "10.0.0.1"), ("uri", "[::1]"), ("uri", "::1"),
        ("cn", "*"), ("cn", " "),
    ],
)  # fmt: skip # a table
def test_what_is_no_constraint_is_refused_with_its_place(kind: str, text: str) -> None:
    policy = {"x509": {"allow": {kind: ["ok.example" if kind != "ip" else "10.0.0.1", text]}}}
    for path, file in (
        ("authority.policy", {"authority": {"policy": policy}}),
        ("authority.provisioners[0].policy", with_record(policy)),
    ):
        with pytest.raises(ValueError) as refusal:  # noqa: PT011 - looked at below
            ca_json.read_strictly(json.dumps(file))
        assert str(refusal.value).startswith(f"{path}.x509.allow.{kind}[1]: {text!r}: ")


def with_record(policy: Any) -> dict[str, Any]:
    return {"authority": {"provisioners": [{"type": "ACME", "name": "a", "policy": policy}]}}


def test_a_list_has_a_bound() -> None:
    policy = {"x509": {"deny": {"dns": ["a"] * (MOST + 1)}}}
    with pytest.raises(ValueError, match=r"deny\.dns: more than 100000 constraints"):
        ca_json.read_strictly(json.dumps({"authority": {"policy": policy}}))


def refusal_of(read: Callable[[str], object], text: str) -> str | None:
    """Return why a text is refused, None for one that is not."""
    try:
        read(text)
    except ValueError as error:
        return str(error)
    return None


@given(TEXTS)
def test_any_text_is_a_constraint_or_refused(text: str) -> None:
    for parse in (
        policy_constraints.domain,
        policy_constraints.email,
        policy_constraints.uri_host,
        policy_constraints.common_name,
        policy_constraints.principal,
        policy_constraints.ip_range,
    ):
        assert refusal_of(parse, text) != ""


@given(ODD)
def test_any_policy_is_read_or_refused_with_its_place(policy: Any) -> None:
    why = refusal_of(ca_json.read_strictly, json.dumps({"authority": {"policy": policy}}))
    assert why is None or "authority.policy" in why or "not allowed" in why
