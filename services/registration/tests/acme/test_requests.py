"""What every request must be: RFC 8555 §6, attacks A01 to A04, A23 and P09."""

import asyncio
import datetime as dt

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from fixtures.acme_account import HOST
from fixtures.acme_harness import ACMEHarness
from fixtures.acme_requests import ask
from newel.acme import jws
from newel.jose import base64url, jwk
from newel.jose import jws as signatures
from newel.registration.acme.nonces import LIFETIME

JOSE = "application/jose+json"


@pytest.mark.attack("A01")
async def test_of_fifty_requests_with_one_nonce_one_succeeds(either: ACMEHarness) -> None:
    client = await either.register_client()
    nonce = await client.nonce()
    replies = await asyncio.gather(
        *[
            client.post(
                "new-order",
                {"identifiers": [{"type": "dns", "value": f"n{i}.example"}]},
                nonce=nonce,
            )
            for i in range(50)
        ]
    )
    good = [reply for reply in replies if reply.status == 201]
    assert len(good) == 1
    assert {reply.problem for reply in replies if reply.status != 201} == {"badNonce"}
    assert len({reply.header("replay-nonce") for reply in replies}) == 50
    assert await either.rows("SELECT count(*) FROM acme_orders") == [(1,)]
    assert await either.rows("SELECT count(*) FROM acme_authorizations") == [(1,)]


@pytest.mark.attack("A01")
async def test_a_nonce_is_good_on_every_replica_once_and_not_for_ever(either: ACMEHarness) -> None:
    client = await either.register_client()
    replica = either.rebuild()
    await replica.start()
    nonce = await client.nonce()
    client.app = replica.app
    assert (await client.post("new-order", {"identifiers": []}, nonce=nonce)).problem == "malformed"
    client.app = either.acme.app
    assert (
        await client.post(client.kid, nonce=nonce)
    ).problem == "badNonce"  # spent by the refusal
    old = await client.nonce()
    either.clock.advance(dt.timedelta(seconds=LIFETIME + 1))
    stale = await client.post(client.kid, nonce=old)
    assert stale.problem == "badNonce"
    assert (await client.post(client.kid, nonce=stale.header("replay-nonce"))).status == 200


@pytest.mark.attack("A01")
@pytest.mark.parametrize("nonce", ["AAAA", "A" * 43, "x" * 5000, "ÄÖ", "=" * 43])
async def test_made_up_nonces(harness: ACMEHarness, nonce: str) -> None:
    client = await harness.register_client()
    reply = await client.post(client.kid, nonce=nonce)
    assert reply.problem == "badNonce"
    assert reply.header("replay-nonce")


async def test_nonces_are_handed_out_as_the_rfc_says(harness: ACMEHarness) -> None:
    url = f"https://{HOST}/acme/acme/new-nonce"
    for method, status in (("HEAD", 200), ("GET", 204)):
        reply = await ask(harness.acme.app, method, url)
        assert reply.status == status
        assert reply.body == b""
        assert reply.header("cache-control") == "no-store"
        assert len(base64url.decode(reply.header("replay-nonce"))) == 32
        assert reply.links("index") == [f"https://{HOST}/acme/acme/directory"]


@pytest.mark.attack("A02")
@pytest.mark.parametrize(
    "signed",
    [
        "https://ca.example/acme/acme/new-account",
        "https://ca.example/acme/other/new-order",
        "https://ca.example/acme/acme/new-order/",
        "https://ca.example/acme/acme/new-order?x=1",
        "https://ca.example:443/acme/acme/new-order",
        "https://localhost/acme/acme/new-order",
        "http://ca.example/acme/acme/new-order",
        "https://ca.example/2.0/acme/acme/new-order",
        "",
    ],
)
async def test_another_url_was_signed(harness: ACMEHarness, signed: str) -> None:
    client = await harness.register_client()
    body = jws.sign(b"{}", client.key, url=signed, nonce=await client.nonce(), kid=client.kid)
    reply = await client.send(client.url("new-order"), body)
    assert reply.problem == ("unauthorized" if signed else "malformed")


@pytest.mark.attack("A02")
async def test_forwarded_headers_change_nothing(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    url = client.url("new-order")
    body = jws.sign(
        b"{}",
        client.key,
        url=url.replace(HOST, "evil.example"),
        nonce=await client.nonce(),
        kid=client.kid,
    )
    reply = await ask(
        harness.acme.app,
        "POST",
        url,
        body,
        content_type=JOSE,
        x_forwarded_host="evil.example",
        forwarded="host=evil.example",
    )
    assert reply.problem == "unauthorized"


@pytest.mark.attack("A23")
@pytest.mark.parametrize(
    "host", ["evil.example", "ca.example.evil", "ca.example@evil", "", "ca.example:1:2"]
)
async def test_hosts_that_are_not_ours_get_no_links(harness: ACMEHarness, host: str) -> None:
    reply = await ask(harness.acme.app, "GET", f"https://{host}/acme/acme/directory")
    assert reply.problem == "unauthorized"
    assert "evil" not in reply.body.decode()
    assert "evil" not in str(reply.headers)


async def test_every_name_of_ours_gives_links_of_its_own(harness: ACMEHarness) -> None:
    for host in ("localhost:9000", "127.0.0.1:443", "CA.example"):
        reply = await ask(harness.acme.app, "GET", f"https://{host}/acme/acme/directory")
        assert reply["newOrder"] == f"https://{host}/acme/acme/new-order"


@pytest.mark.attack("A03")
async def test_kids_that_are_not_the_accounts_own_url(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    bad = [
        client.kid + "/",
        client.kid.replace("/acme/acme/", "/acme/other/"),
        client.kid.replace("/acme/acme/", "/2.0/acme/acme/"),
        client.kid.replace("https", "http"),
        client.kid.replace(HOST, "evil.example"),
        client.kid.replace("account", "%61ccount"),
        client.kid[:-1] + ("A" if client.kid[-1] != "A" else "B"),
        client.kid + "?x",
        client.kid.rsplit("/", 1)[1],
        "x",
    ]
    for kid in bad:
        reply = await client.post("new-order", {}, kid=kid)
        assert reply.problem == "accountDoesNotExist", kid
        assert reply.status == 400


@pytest.mark.attack("A03")
async def test_an_account_of_another_provisioner_is_none_here(harness: ACMEHarness) -> None:
    client = await harness.register_client("other")
    client.provisioner = "acme"
    assert (await client.post("new-order", {})).problem == "accountDoesNotExist"


@pytest.mark.attack("A03")
async def test_a_kid_under_another_name_of_this_server_is_the_same_account(
    harness: ACMEHarness,
) -> None:
    client = await harness.register_client()
    client.host = "localhost:9000"
    assert (await client.order("a.example")).status == 201


@pytest.mark.attack("A03")
async def test_jwk_and_kid_each_in_their_place(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    assert (await client.post("new-order", {}, kid=None)).problem == "malformed"
    assert (await client.post("new-account", {})).problem == "malformed"
    public = jwk.required_members(client.key.public_key())
    url = client.url("new-order")
    header = {"alg": "ES256", "url": url, "nonce": await client.nonce()}
    for both in ({**header, "kid": client.kid, "jwk": public}, header):
        protected = base64url.encode(msgspec.json.encode(both))
        signature = signatures.sign(client.key, "ES256", f"{protected}.".encode())
        assert (await client.send(url, jws.join(protected, "", signature))).problem == "malformed"


@pytest.mark.attack("A03")
async def test_a_deactivated_account_can_do_nothing_anywhere(either: ACMEHarness) -> None:
    client = await either.register_client()
    ready = await either.ready(client, "a.example")
    replica = either.rebuild()
    await replica.start()
    client.app = replica.app
    assert (await client.post(client.kid)).status == 200  # the replica remembers the account
    client.app = either.acme.app
    gone = await client.post(client.kid, {"status": "deactivated"})
    assert gone["status"] == "deactivated"
    for app in (either.acme.app, replica.app):
        client.app = app
        for url, payload in (
            ("new-order", {"identifiers": [{"type": "dns", "value": "b.example"}]}),
            (ready.header("location"), None),
            (ready["finalize"], {"csr": ""}),
            (ready["authorizations"][0], None),
            (ready["finalize"].replace("order", "certificate").replace("/finalize", ""), None),
            (client.kid, {"contact": []}),
            ("revoke-cert", {"certificate": "AAAA"}),
            ("key-change", {}),
        ):
            reply = await client.post(url, payload)
            assert reply.problem == "unauthorized", url
            assert reply.status == 401
    assert (await client.register()).problem == "unauthorized"
    assert await either.rows("SELECT status FROM acme_orders") == [("invalid",)]


@pytest.mark.attack("A04")
async def test_get_is_for_the_directory_and_nonces_alone(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    order = await client.order("a.example")
    for url in (
        client.kid,
        order.header("location"),
        order["authorizations"][0],
        order["finalize"],
        client.url("new-order"),
        client.url("certificate/" + "A" * 24),
    ):
        reply = await ask(harness.acme.app, "GET", url)
        assert reply.status == 405, url
        assert reply.header("allow") == "POST"
        assert reply.problem == "malformed"
        assert reply.header("replay-nonce")


async def test_a_nonce_from_a_refused_method_is_good(harness: ACMEHarness) -> None:
    """What old clients do: HEAD of newAccount, whose refusal brings the first nonce."""
    client = harness.client()
    refused = await ask(harness.acme.app, "HEAD", client.url("new-account"))
    assert refused.status == 405
    nonce = refused.header("replay-nonce")
    assert (await client.post("new-account", {}, kid=None, nonce=nonce)).status == 201


@pytest.mark.attack("A04")
async def test_post_as_get_has_no_payload(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    order = await client.order("a.example")
    for url in (
        order.header("location"),
        client.kid + "/orders",
        client.url("certificate/" + "A" * 24),
    ):
        assert (await client.post(url, {})).problem == "malformed"
    assert (await client.post("directory"))["newOrder"] == client.url("new-order")
    assert (await client.post("new-nonce")).status == 204


@pytest.mark.attack("T03")
async def test_algorithms_are_listed_when_one_is_refused(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    url = client.url("new-order")
    for algorithm in ("none", "HS256", "ES384"):
        header = {"alg": algorithm, "url": url, "nonce": await client.nonce(), "kid": client.kid}
        protected = base64url.encode(msgspec.json.encode(header))
        signature = signatures.sign(client.key, "ES256", f"{protected}.".encode())
        reply = await client.send(url, jws.join(protected, "", signature))
        assert reply.problem == "badSignatureAlgorithm"
        assert reply["algorithms"] == list(signatures.ALGORITHMS)


async def test_a_wrong_algorithm_is_told_before_a_bad_nonce(harness: ACMEHarness) -> None:
    """Another nonce, which badNonce asks for, would not help."""
    client = harness.client()
    url = client.url("new-account")
    for algorithm in ("HS256", "ES384", "RS256", "EdDSA"):
        members = jwk.required_members(client.key.public_key())
        header = {"alg": algorithm, "url": url, "nonce": "bad", "jwk": members}
        protected = base64url.encode(msgspec.json.encode(header))
        signature = signatures.sign(client.key, "ES256", f"{protected}.".encode())
        reply = await client.send(url, jws.join(protected, "", signature))
        assert reply.problem == "badSignatureAlgorithm", algorithm


async def test_a_signature_by_another_key_changes_nothing_and_spends_nothing(
    harness: ACMEHarness,
) -> None:
    client = await harness.register_client()
    nonce = await client.nonce()
    url = client.url("new-order")
    forged = jws.sign(
        b"{}", ec.generate_private_key(ec.SECP256R1()), url=url, nonce=nonce, kid=client.kid
    )
    assert (await client.send(url, forged)).problem == "malformed"
    assert (await client.post(client.kid, nonce=nonce)).status == 200


@pytest.mark.attack("P09")
async def test_bodies_that_are_bombs_or_of_another_type(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    url = client.url("new-order")
    assert (await client.send(url, b"x" * 10_000_000)).status == 413
    for body in (b"[" * 100_000, b"." * 100_000, b'{"payload":' * 5_000, b"\x00\xff", b""):
        reply = await client.send(url, body)
        assert reply.status == 400
        assert reply.problem == "malformed"
    good = jws.sign(b"{}", client.key, url=url, nonce=await client.nonce(), kid=client.kid)
    for kind in ("application/json", "text/plain", ""):
        assert (await ask(harness.acme.app, "POST", url, good, content_type=kind)).status == 415
    with_parameter = await ask(
        harness.acme.app, "POST", url, good, content_type=f"{JOSE}; charset=utf-8"
    )
    assert with_parameter.problem == "malformed"  # read, and refused for its payload only


async def test_scripts_of_any_origin_may_ask(harness: ACMEHarness) -> None:
    """RFC 8555 §6.1."""
    reply = await ask(harness.acme.app, "OPTIONS", f"https://{HOST}/acme/acme/new-order")
    assert reply.status == 204
    assert reply.header("access-control-allow-origin") == "*"
    assert "Replay-Nonce" in reply.header("access-control-expose-headers")


async def test_every_refusal_is_audited_with_its_cause(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    await client.post("new-order", {}, kid="x")
    event, outcome, facts = harness.audit.lines[-1]
    assert (event, outcome) == ("acme.request", "refused")
    assert facts["type"] == "accountDoesNotExist"
    assert facts["cause"]
