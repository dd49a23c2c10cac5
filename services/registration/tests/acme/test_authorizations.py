"""Authorizations and challenges: RFC 8555 §7.5, attack A11, validation that survives a crash."""

import asyncio
import datetime as dt

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from fixtures.acme_account import make_csr
from fixtures.acme_harness import ACMEHarness, provisioner
from newel.acme import challenges, key_change
from newel.acme.identifiers import Identifier
from newel.jose import jwk
from newel.registration.acme import ids, statements
from newel.registration.acme.storage import Storage
from newel.runtime.database.contract import Write


async def test_a_wrong_answer_makes_challenge_authorization_and_order_invalid(
    harness: ACMEHarness,
) -> None:
    client = await harness.register_client()
    order = await client.order("a.example")
    (authorization,) = order["authorizations"]
    challenge = await client.challenge(authorization, "http-01")
    harness.web.files[challenges.http_path(challenge["token"])] = (
        b"something else, " * 4 + b"secret"
    )
    await client.post(challenge["url"], {})
    failed = await client.poll(authorization)
    assert failed["status"] == "invalid"
    (shown,) = failed["challenges"]
    assert shown["status"] == "invalid"
    assert shown["error"]["type"] == "urn:ietf:params:acme:error:incorrectResponse"
    assert '"something else' in shown["error"]["detail"]
    assert "secret" not in str(shown["error"])  # after the first 64 octets
    assert (await client.post(order.header("location")))["status"] == "invalid"
    csr = {"csr": make_csr("a.example")}
    assert (await client.post(order["finalize"], csr)).problem == "orderNotReady"
    assert harness.issuing.requests == []  # the issuing authority was not even asked
    again = await client.post(challenge["url"], {})
    assert again["status"] == "invalid"


@pytest.mark.attack("A22")
async def test_a_challenge_answered_fifty_times_is_looked_at_once(either: ACMEHarness) -> None:
    client = await either.register_client()
    order = await client.order("a.example")
    (authorization,) = order["authorizations"]
    challenge = await client.challenge(authorization, "http-01")
    either.web.present(client, challenge["token"])
    replies = await asyncio.gather(*[client.post(challenge["url"], {}) for _ in range(50)])
    assert {reply.status for reply in replies} == {200}
    assert (await client.poll(authorization))["status"] == "valid"
    assert len(either.web.asked) == 1


async def test_challenges_are_read_without_being_answered(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    order = await client.order("a.example")
    challenge = await client.challenge(order["authorizations"][0], "http-01")
    read = await client.post(challenge["url"])
    assert read.json == challenge
    assert read.links("up") == order["authorizations"]
    assert (await client.post(challenge["url"], b"[]")).problem == "malformed"
    assert (await client.post(challenge["url"] + "x", {})).status == 404
    assert (await client.post(challenge["url"].replace(".0/", ".1/"), {})).status == 404
    assert (await client.post(challenge["url"].replace(".0/", ".00/"), {})).status == 404
    assert harness.web.asked == []


@pytest.mark.attack("A11")
async def test_http_01_for_a_wildcard(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    order = await client.order("*.a.example")
    (authorization,) = order["authorizations"]
    challenge = await client.challenge(authorization, "dns-01")
    for kind in ("http-01", "tls-alpn-01"):
        assert (await client.post(challenge["url"].replace("dns-01", kind), {})).status == 404
    assert (await client.post(authorization))["status"] == "pending"


@pytest.mark.attack("A11")
async def test_a_wildcards_proof_is_not_the_names_and_reverse(either: ACMEHarness) -> None:
    client = await either.register_client()
    await either.ready(client, "a.example")
    mixed = await client.order("a.example", "*.a.example")
    assert len(set(mixed["authorizations"])) == 2
    for authorization in mixed["authorizations"]:
        assert (await client.post(authorization))["status"] == "pending"
    storage, now = Storage(either.database), either.clock.now()
    account = ids.parse(client.kid.rsplit("/", 1)[1]) or b""
    plain, wild = Identifier("dns", "a.example"), Identifier("dns", "*.a.example")
    assert await storage.proves(account, b"", [plain], now)
    assert not await storage.proves(account, b"", [wild], now)
    assert not await storage.proves(account, b"", [plain, wild], now)
    assert not await storage.proves(account, b"", [], now)


@pytest.mark.attack("A11")
async def test_deactivated_authorizations_carry_no_order(either: ACMEHarness) -> None:
    client = await either.register_client()
    order = await either.ready(client, "a.example", "b.example")
    gone = await client.post(order["authorizations"][0], {"status": "deactivated"})
    assert gone["status"] == "deactivated"
    assert (await client.post(order.header("location")))["status"] == "invalid"
    csr = {"csr": make_csr("a.example", "b.example")}
    assert (await client.post(order["finalize"], csr)).problem == "orderNotReady"
    assert (
        await client.post(order["authorizations"][1], {"status": "valid"})
    ).problem == "malformed"


@pytest.mark.attack("A11")
async def test_expired_authorizations_carry_no_order(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    order = await harness.ready(client, "a.example")
    pending = await client.order("b.example")
    harness.clock.advance(dt.timedelta(hours=24))
    assert (await client.post(order["authorizations"][0]))["status"] == "expired"
    assert (await client.post(pending["authorizations"][0]))["status"] == "invalid"
    challenge = await client.challenge(pending["authorizations"][0], "http-01")
    assert (await client.post(challenge["url"], {}))["status"] == "invalid"
    assert len(harness.web.asked) == 1


@pytest.mark.attack("A11")
async def test_a_proof_for_a_key_that_was_replaced_meanwhile_proves_nothing(
    either: ACMEHarness,
) -> None:
    client = await either.register_client()
    order = await client.order("a.example")
    (authorization,) = order["authorizations"]
    number, position = ids.parse_authorization(authorization.rsplit("/", 1)[1]) or (b"", 0)
    account = ids.parse(client.kid.rsplit("/", 1)[1])
    claim = b"c" * 16
    now = int(either.clock.unix())
    begin = (number, position, account, "http-01", claim, now, None)
    await either.database.apply(Write(statements.BEGIN_ATTEMPT, begin))
    old, new = client.thumbprint, ec.generate_private_key(ec.SECP256R1())
    inner = key_change.make_request(client.kid, client.url("key-change"), client.key, new)
    assert (await client.post("key-change", inner)).status == 200
    client.key = new
    for thumbprint, status in ((old, "pending"), (jwk.thumbprint(new.public_key()), "valid")):
        end = (number, position, claim, "valid", now, None, thumbprint, None)
        await either.database.apply(Write(statements.END_ATTEMPT, end))
        assert (await client.post(authorization))["status"] == status


async def test_a_validation_lost_in_a_crash_is_taken_up_again(either: ACMEHarness) -> None:
    client = await either.register_client()
    order = await client.order("a.example")
    (authorization,) = order["authorizations"]
    challenge = await client.challenge(authorization, "http-01")
    either.web.present(client, challenge["token"])
    replica = either.rebuild()  # takes the request and is killed: its tasks never run
    await replica.start()
    client.app = replica.app
    assert (await client.post(challenge["url"], {}))["status"] == "processing"
    assert either.web.asked == []
    client.app = either.acme.app
    await either.recover()
    assert (await client.post(authorization))["status"] == "pending"
    either.clock.advance(dt.timedelta(seconds=61))
    await either.recover()
    assert (await client.poll(authorization))["status"] == "valid"
    assert len(either.web.asked) == 1


async def test_a_validation_lost_while_the_clock_ran_ahead_is_taken_up_again(
    either: ACMEHarness,
) -> None:
    either.clock.advance(dt.timedelta(minutes=20))
    client = await either.register_client()
    order = await client.order("a.example")
    (authorization,) = order["authorizations"]
    challenge = await client.challenge(authorization, "http-01")
    either.web.present(client, challenge["token"])
    replica = either.rebuild()
    await replica.start()
    client.app = replica.app
    await client.post(challenge["url"], {})
    client.app = either.acme.app
    either.clock.advance(-dt.timedelta(minutes=20))
    await either.recover()
    assert (await client.poll(authorization))["status"] == "valid"


async def test_an_unreachable_server_is_tried_again(harness: ACMEHarness) -> None:
    harness.provisioners["acme"] = provisioner(challenges=["dns-01"])
    client = await harness.register_client()
    order = await client.order("a.example")
    (authorization,) = order["authorizations"]
    challenge = await client.challenge(authorization, "dns-01")
    harness.dns.failing.add("_acme-challenge.a.example")
    await client.post(challenge["url"], {})
    while not harness.dns.asked:
        await asyncio.sleep(0.01)
    value = challenges.dns_value(client.authorization(challenge["token"]))
    harness.dns.set("_acme-challenge.a.example", "TXT", [f'"{value}"'])
    harness.dns.failing.clear()
    assert (await client.poll(authorization))["status"] == "valid"


async def test_what_is_over_is_swept(either: ACMEHarness) -> None:
    client = await either.register_client()
    await either.ready(client, "a.example")
    either.clock.advance(dt.timedelta(hours=2))
    await client.order("b.example")
    await either.sweep()
    ((nonces,),) = await either.rows("SELECT count(*) FROM acme_nonces")
    assert nonces == 1
    assert await either.rows("SELECT count(*) FROM acme_orders") == [(2,)]
    either.clock.advance(dt.timedelta(days=31))
    last = await client.order("c.example")
    await either.sweep()
    assert await either.rows("SELECT count(*) FROM acme_orders") == [(1,)]
    assert await either.rows("SELECT count(*) FROM acme_authorizations") == [(1,)]
    assert (await client.post(last.header("location")))["status"] == "pending"
