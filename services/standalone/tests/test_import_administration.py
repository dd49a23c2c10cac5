"""What administrators of a step-ca stored, read into ca.json's form."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.standalone.takeover.administration import (
    NO_AUTHORITY,
    read_administrator,
    read_policy,
    read_provisioner,
)

ROW = {
    "id": "i", "authorityID": NO_AUTHORITY, "createdAt": "2026-11-30T12:55:58Z",
    "deletedAt": "0001-01-01T00:00:00Z",
}  # fmt: skip # a table
PROVISIONER = {
    **ROW, "type": 6, "name": "acme",
    "claims": {"x509": {"enabled": True, "durations": {"default": "12h0m0s"}}, "disable_renewal": True},
    "details": {"ACME": {"require_eab": True, "challenges": [1, 3], "terms_of_service": "https://t"}},
    "x509Template": {"template": base64.b64encode(b"{}").decode()},
}  # fmt: skip # a table
ADMINISTRATOR = {**ROW, "provisionerID": "p", "subject": "jane", "type": 2}
POLICY = {
    "x509": {"allow": {"dns": ["*.lab"]}, "deny": {}, "allow_wildcard_names": True},
    "ssh": {"user": {"allow": {}}},
}  # fmt: skip # a table


def octets(row: dict[str, Any]) -> bytes:
    details = row.get("details")
    if details is not None:
        row = {**row, "details": base64.b64encode(json.dumps(details).encode()).decode()}
    return json.dumps(row).encode()


def test_a_provisioner_is_read_with_its_claims_challenges_and_template() -> None:
    found = read_provisioner(octets(PROVISIONER), NO_AUTHORITY, 3)
    assert (found.id, found.name, found.position) == ("i", "acme", 3)
    record = found.read()
    assert record["type"] == "ACME"
    assert record["requireEAB"]
    assert record["challenges"] == ["http-01", "tls-alpn-01"]
    assert record["claims"] == {"defaultTLSCertDuration": "12h0m0s", "disableRenewal": True}
    assert record["options"]["x509"]["template"] == "{}"


def test_an_administrator_is_read() -> None:
    found = read_administrator(octets(ADMINISTRATOR), NO_AUTHORITY)
    assert (found.subject, found.provisioner, found.is_super) == ("jane", "p", True)


def test_a_policy_is_read_without_what_is_empty() -> None:
    assert read_policy(octets({**ROW, "policy": POLICY}), NO_AUTHORITY) == {
        "x509": {"allow": {"dns": ["*.lab"]}, "allowWildcardNames": True}
    }
    empty = {"x509": {"allow": {}, "deny": {}}, "ssh": {}}
    assert read_policy(octets({**ROW, "policy": empty}), NO_AUTHORITY) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"deletedAt": "2026-11-30T12:55:58Z"}, "it was deleted"),
        ({"authorityID": "other"}, "it is of another authority, other"),
        ({"type": 99}, "99 is not a valid ProvisionerType"),
        ({"name": ""}, "."),
        ({"details": {"ACME": {"unheard_of": 1}}}, "unheardOf"),
        ({"webhooks": [{"name": 1}]}, "."),
    ],
)
def test_a_provisioner_that_cannot_be_taken_over_says_why(
    change: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        read_provisioner(octets({**PROVISIONER, **change}), NO_AUTHORITY, 0)


@pytest.mark.parametrize("change", [{"type": 0}, {"subject": ""}, {"id": 1}])
def test_an_administrator_that_is_none_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_administrator(octets({**ADMINISTRATOR, **change}), NO_AUTHORITY)


def read_anything(data: bytes) -> object:
    return read_provisioner(data, NO_AUTHORITY, 0)


def read_any_policy(data: bytes) -> object:
    return read_policy(data, NO_AUTHORITY)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_any_details_and_policies_are_read_or_are_a_value_error(value: object) -> None:
    for read, row in (
        (read_anything, {**PROVISIONER, "details": value}),
        (read_anything, {**PROVISIONER, "claims": value}),
        (read_any_policy, {**ROW, "policy": value}),
    ):
        try:
            read(octets(row))
        except ValueError:
            continue
