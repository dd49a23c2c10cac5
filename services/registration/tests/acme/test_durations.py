"""A provisioner's durations hold for every order, whether or not it asks for times."""

import datetime as dt
from typing import Any

import pytest

from fixtures.acme_account import Client, make_csr
from fixtures.acme_harness import ACMEHarness, provisioner
from fixtures.acme_requests import Reply
from newel.step.provisioners import Claims

SHORT = Claims(min_tls="1m", max_tls="1h", default_tls="3m")
LONG = Claims(max_tls="2160h", default_tls="2160h")
HALF = Claims(max_tls="30m")  # below the default of the authority, which moves along
TINY = Claims(min_tls="200ms", default_tls="500ms")


def moment(harness: ACMEHarness, **after: float) -> str:
    return f"{harness.clock.now() + dt.timedelta(**after):%Y-%m-%dT%H:%M:%SZ}"


async def ready(harness: ACMEHarness, client: Client, **times: str) -> Reply:
    order = await client.order("a.example", **times)
    assert order.status == 201, order
    (authorization,) = order["authorizations"]
    challenge = await client.challenge(authorization, "http-01")
    harness.web.present(client, challenge["token"])
    await client.post(challenge["url"], {})
    await client.poll(authorization)
    return order


@pytest.mark.parametrize(
    ("claims", "usual"),
    [(None, 86_400), (SHORT, 180), (LONG, 7_776_000), (HALF, 1_800), (TINY, 1)],
)
async def test_an_order_without_times_gets_the_provisioners_default(
    harness: ACMEHarness, claims: Claims | None, usual: int
) -> None:
    harness.provisioners["acme"] = provisioner(claims=claims)
    client = await harness.register_client()
    for times in ({}, {"notBefore": moment(harness)}):
        order = await ready(harness, client, **times)
        done = await client.post(order["finalize"], {"csr": make_csr("a.example")})
        assert done["status"] == "valid"
        request = harness.issuing.requests[-1]
        assert not request.HasField("not_after")
        assert request.default_duration_seconds == usual


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(70, "longer than 1h0m0s"), (24 * 60, "longer than 1h0m0s"), (-1, "before the beginning")],
)
async def test_times_out_of_the_provisioners_bounds_are_refused(
    harness: ACMEHarness, minutes: int, words: str
) -> None:
    harness.provisioners["acme"] = provisioner(claims=SHORT)
    client = await harness.register_client()
    refused = await client.order("a.example", notAfter=moment(harness, minutes=minutes))
    assert refused.problem == "malformed"
    assert words in refused["detail"]


async def test_less_than_the_least_is_refused_in_words(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    refused = await client.order("a.example", notAfter=moment(harness, minutes=3))
    assert refused.problem == "malformed"
    assert "less than 5m0s" in refused["detail"]


async def test_an_order_finalized_too_late_for_its_times_is_refused(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    order = await ready(harness, client, notAfter=moment(harness, minutes=10))
    harness.clock.advance(dt.timedelta(minutes=8))
    refused = await client.post(order["finalize"], {"csr": make_csr("a.example")})
    assert refused.problem == "malformed"
    assert "less than 5m0s" in refused["detail"]
    assert harness.issuing.requests == []
    shown: Any = await client.post(order.header("location"))
    assert shown["status"] == "invalid"
    assert "less than 5m0s" in shown["error"]["detail"]


async def test_durations_changed_after_the_order_was_placed_hold_for_it(
    harness: ACMEHarness,
) -> None:
    client = await harness.register_client()
    order = await ready(harness, client, notAfter=moment(harness, hours=20))
    free = await ready(harness, client)
    harness.provisioners["acme"] = provisioner(claims=SHORT)
    refused = await client.post(order["finalize"], {"csr": make_csr("a.example")})
    assert refused.problem == "malformed"
    assert harness.issuing.requests == []
    await client.post(free["finalize"], {"csr": make_csr("a.example")})
    assert [each.default_duration_seconds for each in harness.issuing.requests] == [180]
