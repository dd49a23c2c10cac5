"""Orders and finalize: RFC 8555 §7.4, attacks A05, A08 to A12, X02."""

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from fixtures.acme_account import make_csr
from fixtures.acme_harness import ACMEHarness, make_harness, provisioner
from newel.proto.common.v1 import error_pb2
from newel.registration.rate_limits import Rate


@pytest.mark.attack("X02")
@pytest.mark.parametrize(
    "name",
    [
        "a..example",
        "a.example.",
        "-a.example",
        "a_b.example",
        "a.*.example",
        "**.example",
        "*",
        "*.",
        "a" * 64 + ".example",
        "a." * 127 + "example",
        "exa mple.org",
        "a.example\x00.evil",
        "xn--a.example",
        "1.2.3.4",
        "a.example,b.example",
        "",
        "https://a.example",
        "\u202ea.example",
    ],
)
async def test_names_no_certificate_can_carry(harness: ACMEHarness, name: str) -> None:
    client = await harness.register_client()
    reply = await client.post("new-order", {"identifiers": [{"type": "dns", "value": name}]})
    assert reply.problem == "rejectedIdentifier"
    (part,) = reply["subproblems"]
    assert part["identifier"]["type"] == "dns"
    assert await harness.rows("SELECT count(*) FROM acme_orders") == [(0,)]


async def test_several_faults_are_told_together(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    wanted = [
        {"type": "dns", "value": "a..example"},
        {"type": "email", "value": "a@example.org"},
        {"type": "ip", "value": "fe80::1%eth0"},
        {"type": "dns", "value": "good.example"},
    ]
    reply = await client.post("new-order", {"identifiers": wanted})
    assert reply.problem == "malformed"
    kinds = [part["type"].rsplit(":", 1)[1] for part in reply["subproblems"]]
    assert kinds == ["rejectedIdentifier", "unsupportedIdentifier", "rejectedIdentifier"]


async def test_identifiers_are_canonical_and_each_once(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    order = await client.order("BÜCHER.example", "2001:DB8:0::1", "xn--bcher-kva.example")
    assert order["identifiers"] == [
        {"type": "dns", "value": "xn--bcher-kva.example"},
        {"type": "ip", "value": "2001:db8::1"},
    ]


@pytest.mark.parametrize(
    "identifiers", [[], [{"type": "dns", "value": f"n{i}.example"} for i in range(257)], "x", None]
)
async def test_too_few_too_many_or_none(harness: ACMEHarness, identifiers: Any) -> None:
    client = await harness.register_client()
    reply = await client.post("new-order", {"identifiers": identifiers})
    assert reply.problem == "malformed"


async def test_a_name_no_offered_challenge_can_prove_is_refused_at_once(
    harness: ACMEHarness,
) -> None:
    harness.provisioners["acme"] = provisioner(challenges=["http-01"])
    client = await harness.register_client()
    assert (await client.order("*.a.example")).problem == "rejectedIdentifier"


async def test_the_validity_asked_for_is_honoured_or_refused(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    good = {"notBefore": "2026-11-21T12:00:00Z", "notAfter": "2026-11-21T18:00:00.5+01:00"}
    order = await client.order("localhost", **good)
    assert order["notBefore"] == "2026-11-21T12:00:00Z"
    assert order["notAfter"] == "2026-11-21T18:00:00.5+01:00"
    shown = await client.post(order.header("location"))
    assert (shown["notBefore"], shown["notAfter"]) == (good["notBefore"], good["notAfter"])
    for bad in (
        {"notAfter": "2027-11-21T12:00:00Z"},
        {"notAfter": "2026-11-21T11:00:00Z"},
        {"notAfter": "2026-11-21T12:00:01Z", "notBefore": "2026-11-21T12:00:00Z"},
        {"notBefore": "2020-11-21T12:00:00Z"},
        {"notBefore": "2030-11-21T12:00:00Z"},
        {"notBefore": "2026-11-21T13:00:02Z"},
        {"notAfter": "tomorrow"},
        {"notAfter": "2026-11-21T18:00:00"},
        {"notAfter": "2026-W47-6T18:00:00Z"},
        {"notAfter": "20261121T180000Z"},
        {"notAfter": "2026-11-21T18:00:00Z" + "0" * 40},
    ):
        reply = await client.order("localhost", **bad)
        assert reply.problem == "malformed", bad
    unset = "0001-01-01T00:00:00Z"  # what the step client sends for no wish
    free = await client.order("localhost", notBefore=unset, notAfter=unset)
    assert "notBefore" not in free.json
    (authorization,) = order["authorizations"]
    challenge = await client.challenge(authorization, "http-01")
    harness.web.present(client, challenge["token"])
    await client.post(challenge["url"], {})
    await client.poll(authorization)
    await client.post(order["finalize"], {"csr": make_csr("localhost")})
    (request,) = harness.issuing.requests
    assert request.not_after.ToJsonString() == "2026-11-21T17:00:00Z"


@pytest.mark.attack("A05")
async def test_orders_authorizations_and_certificates_belong_to_one_account(
    harness: ACMEHarness,
) -> None:
    one, two = await harness.register_client(), await harness.register_client()
    order = await harness.ready(one, "a.example")
    await one.post(order["finalize"], {"csr": make_csr("a.example")})
    valid = await one.post(order.header("location"))
    (authorization,) = valid["authorizations"]
    unknown = "A" * 24
    for url, payload in (
        (order.header("location"), None),
        (order["finalize"], {"csr": make_csr("a.example")}),
        (authorization, None),
        (authorization, {"status": "deactivated"}),
        (authorization.replace("authz", "challenge") + "/http-01", {}),
        (valid["certificate"], None),
    ):
        theirs = await two.post(url, payload)
        missing = await two.post(url.replace(url.split("/")[6][:24], unknown), payload)
        assert theirs.status == missing.status == 404, url
        assert theirs.body == missing.body
    assert (await one.post(authorization))["status"] == "valid"


@pytest.mark.attack("A09")
async def test_account_keys_are_in_no_certificate(harness: ACMEHarness) -> None:
    client, other = await harness.register_client(), await harness.register_client("other")
    order = await harness.ready(client, "a.example")
    for key in (client.key, other.key):
        reply = await client.post(order["finalize"], {"csr": make_csr("a.example", key=key)})
        assert reply.problem == "badCSR"
    assert (await client.post(order.header("location")))["status"] == "ready"


@pytest.mark.attack("A10")
async def test_orders_that_are_not_ready_are_not_finalized(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    csr = {"csr": make_csr("a.example")}
    pending = await client.order("a.example")
    early = await client.post(pending["finalize"], csr)
    assert early.problem == "orderNotReady"
    assert early.status == 403
    ready = await harness.ready(client, "a.example")
    assert (await client.post(ready["finalize"], csr))["status"] == "valid"
    another = {"csr": make_csr("a.example")}
    assert (await client.post(ready["finalize"], another)).problem == "orderNotReady"
    late = await harness.ready(client, "a.example")
    harness.clock.advance(dt.timedelta(hours=25))
    assert (await client.post(late["finalize"], csr)).problem == "orderNotReady"
    assert (await client.post(late.header("location")))["status"] == "invalid"
    assert len(harness.issuing.requests) == 1


async def test_who_finalizes_again_with_the_same_key_is_shown_the_order(
    either: ACMEHarness,
) -> None:
    """The answer may have been lost: the certificate is there, and only one is ever made."""
    client = await either.register_client()
    key = ec.generate_private_key(ec.SECP256R1())
    order = await either.ready(client, "a.example")
    either.issuing.refuse = error_pb2.Error(type="unavailable", detail="away")
    first = await client.post(order["finalize"], {"csr": make_csr("a.example", key=key)})
    again = await client.post(order["finalize"], {"csr": make_csr("a.example", key=key)})
    assert first["status"] == again["status"] == "processing"
    assert again.header("retry-after")
    either.issuing.refuse = None
    either.clock.advance(dt.timedelta(seconds=5))
    assert (await client.post(order.header("location")))["status"] == "valid"
    for _ in range(2):
        shown = await client.post(order["finalize"], {"csr": make_csr("a.example", key=key)})
        assert shown.status == 200
        assert shown["status"] == "valid"
        assert shown["certificate"]
        assert shown.header("location") == order.header("location")
    other = await client.post(order["finalize"], {"csr": make_csr("a.example")})
    assert other.problem == "orderNotReady"
    assert len(either.issuing.records) == 1


@pytest.mark.attack("A10")
async def test_an_order_finalized_many_times_at_once_is_one_certificate(
    either: ACMEHarness,
) -> None:
    client = await either.register_client()
    order = await either.ready(client, "a.example")
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(10)]
    replies = await asyncio.gather(
        *[client.post(order["finalize"], {"csr": make_csr("a.example", key=key)}) for key in keys]
    )
    assert sorted(reply.status for reply in replies) == [200] + [403] * 9
    assert len(either.issuing.records) == len(either.issuing.requests) == 1
    won = keys[[reply.status for reply in replies].index(200)]
    chain = await client.post((await client.post(order.header("location")))["certificate"])
    assert x509.load_pem_x509_certificate(chain.body).public_key() == won.public_key()


@pytest.mark.attack("A10")
async def test_two_replicas_finalize_one_order_once(either: ACMEHarness) -> None:
    client = await either.register_client()
    order = await either.ready(client, "a.example")
    replica = either.rebuild()
    await replica.start()
    twin = either.client(key=client.key, kid=client.kid)
    twin.app = replica.app
    replies = await asyncio.gather(
        *[
            each.post(order["finalize"], {"csr": make_csr("a.example")})
            for each in (client, twin) * 5
        ]
    )
    assert sorted(reply.status for reply in replies) == [200] + [403] * 9
    assert len(either.issuing.requests) == 1


@pytest.mark.attack("A12")
async def test_a_hundred_orders_at_once_with_names_in_common(either: ACMEHarness) -> None:
    client = await either.register_client()
    orders = await asyncio.gather(
        *[client.order("a.example", f"n{i}.example", "localhost") for i in range(100)]
    )
    assert {order.status for order in orders} == {201}
    assert len({order.header("location") for order in orders}) == 100
    assert await either.rows("SELECT count(*) FROM acme_authorizations") == [(300,)]
    assert len((await client.post(client.kid + "/orders"))["orders"]) == 100
    one, two = orders[0], orders[1]
    challenge = await client.challenge(one["authorizations"][0], "http-01")
    either.web.present(client, challenge["token"])
    await client.post(challenge["url"], {})
    assert (await client.poll(one["authorizations"][0]))["status"] == "valid"
    assert (await client.post(two["authorizations"][0]))["status"] == "pending"


@pytest.mark.parametrize("kind", ["badPublicKey", "badCSR"])
async def test_a_refusal_another_csr_can_mend_leaves_the_order_ready(
    harness: ACMEHarness, kind: str
) -> None:
    client = await harness.register_client()
    order = await harness.ready(client, "a.example")
    harness.issuing.refuse = error_pb2.Error(type=kind, detail="weak")
    assert (await client.post(order["finalize"], {"csr": make_csr("a.example")})).problem == kind
    harness.issuing.refuse = None
    again = await client.post(order["finalize"], {"csr": make_csr("a.example")})
    assert again["status"] == "valid"


async def test_a_final_refusal_makes_the_order_invalid_and_says_why(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    order = await harness.ready(client, "a.example")
    harness.issuing.refuse = error_pb2.Error(type="rejectedIdentifier", detail="not here")
    reply = await client.post(order["finalize"], {"csr": make_csr("a.example")})
    assert reply.problem == "rejectedIdentifier"
    harness.issuing.refuse = None
    shown = await client.post(order.header("location"))
    assert shown["status"] == "invalid"
    assert shown["error"]["detail"] == "not here"


async def test_orders_left_processing_are_carried_through_in_the_background(
    either: ACMEHarness,
) -> None:
    client = await either.register_client()
    orders = [await either.ready(client, f"n{number}.example") for number in range(3)]
    either.issuing.refuse = error_pb2.Error(type="unavailable", detail="away")
    for number, order in enumerate(orders):
        await client.post(order["finalize"], {"csr": make_csr(f"n{number}.example")})
    either.clock.advance(dt.timedelta(seconds=61))
    before = len(either.issuing.requests)
    await either.recover()
    assert len(either.issuing.requests) == before + 1  # it is still away: one try tells
    either.issuing.refuse = None
    either.clock.advance(dt.timedelta(seconds=61))
    await either.recover()
    rows = await either.rows("SELECT status, csr FROM acme_orders")
    assert rows == [("valid", None)] * 3


async def test_an_order_claimed_while_the_clock_ran_ahead_is_carried_through(
    either: ACMEHarness,
) -> None:
    either.clock.advance(dt.timedelta(minutes=20))
    client = await either.register_client()
    order = await either.ready(client, "a.example")
    either.issuing.refuse = error_pb2.Error(type="unavailable", detail="away")
    await client.post(order["finalize"], {"csr": make_csr("a.example")})
    either.issuing.refuse = None
    either.clock.advance(-dt.timedelta(minutes=20))
    await either.recover()
    assert await either.rows("SELECT status FROM acme_orders") == [("valid",)]


async def test_an_answer_lost_after_issuance_is_the_same_certificate_later(
    harness: ACMEHarness,
) -> None:
    client = await harness.register_client()
    order = await harness.ready(client, "a.example")
    harness.issuing.lose_answers = True
    assert (await client.post(order["finalize"], {"csr": make_csr("a.example")}))[
        "status"
    ] == "processing"
    harness.issuing.lose_answers = False
    harness.clock.advance(dt.timedelta(seconds=61))
    assert (await client.post(order.header("location")))["status"] == "valid"
    assert len(harness.issuing.requests) == 2
    assert len(harness.issuing.records) == 1


async def test_an_order_that_could_not_be_carried_through_ends_with_its_time(
    harness: ACMEHarness,
) -> None:
    client = await harness.register_client()
    order = await harness.ready(client, "a.example")
    harness.issuing.refuse = error_pb2.Error(type="unavailable", detail="away")
    await client.post(order["finalize"], {"csr": make_csr("a.example")})
    harness.clock.advance(dt.timedelta(hours=25))
    tries = len(harness.issuing.requests)
    await harness.recover()
    assert len(harness.issuing.requests) == tries
    assert (await client.post(order.header("location")))["status"] == "invalid"


async def test_an_order_left_processing_is_carried_through_at_a_later_poll(
    either: ACMEHarness,
) -> None:
    """X04: the issuing authority was away, or this process was killed, after the claim."""
    client = await either.register_client()
    order = await either.ready(client, "a.example")
    either.issuing.refuse = error_pb2.Error(type="unavailable", detail="away")
    waiting = await client.post(order["finalize"], {"csr": make_csr("a.example")})
    assert waiting["status"] == "processing"
    assert waiting.header("retry-after")
    either.issuing.refuse = None
    assert (await client.post(order.header("location")))["status"] == "processing"
    either.clock.advance(dt.timedelta(seconds=61))
    done = await client.post(order.header("location"))
    assert done["status"] == "valid"
    assert len(either.issuing.records) == 1


@pytest.mark.attack("A22")
async def test_an_account_orders_as_often_as_it_may(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/registration.db"
    async with make_harness(url, rate=Rate(per_second=0.05, burst=2)) as harness:
        eager, other = await harness.register_client(), await harness.register_client()
        for _ in range(2):
            assert (await eager.order("a.example")).status == 201
        refused = await eager.order("a.example")
        assert (refused.status, refused.problem) == (429, "rateLimited")
        assert refused.header("retry-after") == "20"
        assert (await other.order("a.example")).status == 201
        assert [line[2]["cause"] for line in harness.audit.lines if line[1] == "refused"] == [
            "new-order"
        ]
        harness.clock.advance(dt.timedelta(seconds=20))
        assert (await eager.order("a.example")).status == 201
        assert await harness.rows("SELECT count(*) FROM acme_orders") == [(4,)]
