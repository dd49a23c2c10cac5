"""Profiles of orders (draft-ietf-acme-profiles): what an ACME provisioner issues, by name."""

import datetime as dt
from typing import Any

import pytest

from fixtures.acme_account import make_csr
from fixtures.acme_harness import ACMEHarness, provisioner
from fixtures.acme_requests import ask
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.step.acme_profiles import ACMENewel, ACMEProfile
from newel.step.provisioners import Claims

ORGANIZATION = '{"subject": {"organization": {{ toJson .org }}}, "sans": {{ toJson .SANs }}}'


def with_profiles(*profiles: ACMEProfile, **fields: Any) -> ACMEProvisioner:
    return provisioner(newel=ACMENewel(profiles=list(profiles)), **fields)


USUAL = ACMEProfile(name="usual")
SHORT = ACMEProfile(
    name="short",
    description="https://example.com/short",
    claims=Claims(default_tls="1h", max_tls="2h"),
    template=ORGANIZATION,
    template_data={"org": "Lab"},
    profile="server",
)


async def test_the_directory_lists_profiles_with_the_default_first(harness: ACMEHarness) -> None:
    harness.provisioners["acme"] = with_profiles(SHORT, USUAL)
    shown = await ask(harness.acme.app, "GET", harness.client().url("directory"))
    assert list(shown["meta"]["profiles"].items()) == [
        ("short", "https://example.com/short"),
        ("usual", "usual"),
    ]


async def test_an_order_is_issued_as_its_profile_says(harness: ACMEHarness) -> None:
    harness.provisioners["acme"] = with_profiles(USUAL, SHORT)
    client = await harness.register_client()
    order = await harness.ready(client, "a.example", profile="short")
    assert order["profile"] == "short"
    reply = await client.post(order["finalize"], {"csr": make_csr("a.example")})
    assert reply["status"] == "valid"
    (asked,) = harness.issuing.requests
    assert asked.default_duration_seconds == 3600
    assert asked.profile == "server"
    assert {each.oid: each.value for each in asked.subject} == {"2.5.4.10": "Lab"}
    assert asked.provisioner.name == "acme"


async def test_an_order_without_a_profile_has_the_first(harness: ACMEHarness) -> None:
    harness.provisioners["acme"] = with_profiles(SHORT, USUAL)
    client = await harness.register_client()
    for profile in ({}, {"profile": None}, {"profile": ""}):
        assert (await client.order("a.example", **profile))["profile"] == "short"


@pytest.mark.parametrize("names", [[USUAL], []])
async def test_a_profile_that_is_not_listed_is_refused(
    harness: ACMEHarness, names: list[ACMEProfile]
) -> None:
    harness.provisioners["acme"] = with_profiles(*names)
    client = await harness.register_client()
    reply = await client.order("a.example", profile="short")
    assert (reply.status, reply.problem) == (400, "invalidProfile")


async def test_a_time_is_held_to_the_durations_of_the_profile(harness: ACMEHarness) -> None:
    harness.provisioners["acme"] = with_profiles(USUAL, SHORT)
    client = await harness.register_client()
    end = (harness.clock.now() + dt.timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (await client.order("a.example", notAfter=end)).status == 201
    reply = await client.order("a.example", notAfter=end, profile="short")
    assert (reply.status, reply.problem) == (400, "malformed")


async def test_an_order_of_a_profile_that_was_removed_fails(harness: ACMEHarness) -> None:
    harness.provisioners["acme"] = with_profiles(USUAL, SHORT)
    client = await harness.register_client()
    order = await harness.ready(client, "a.example", profile="short")
    harness.provisioners["acme"] = with_profiles(USUAL)
    reply = await client.post(order["finalize"], {"csr": make_csr("a.example")})
    assert (reply.status, reply.problem) == (400, "invalidProfile")
    assert (await client.post(order.header("location")))["status"] == "invalid"


async def test_an_order_from_before_the_profiles_is_issued_as_the_provisioner_says(
    harness: ACMEHarness,
) -> None:
    client = await harness.register_client()
    order = await harness.ready(client, "a.example")
    assert "profile" not in order.json
    harness.provisioners["acme"] = with_profiles(SHORT)
    await client.post(order["finalize"], {"csr": make_csr("a.example")})
    (asked,) = harness.issuing.requests
    assert (asked.default_duration_seconds, asked.profile) == (24 * 3600, "")


def test_what_a_profile_does_not_set_is_the_provisioner_s() -> None:
    made = with_profiles(SHORT, claims=Claims(min_tls="30m", disable_renewal=True))
    limits = made.select("short").limits
    assert limits.min_duration == dt.timedelta(minutes=30)
    assert limits.max_duration == dt.timedelta(hours=2)
    assert not limits.allow_renewal
    assert made.max_duration == dt.timedelta(hours=24)


def test_a_profile_with_impossible_durations_turns_the_provisioner_off() -> None:
    wrong = ACMEProfile(name="x", claims=Claims(min_tls="2h", max_tls="1h"))
    with pytest.raises(ValueError, match="out of order"):
        with_profiles(wrong)
