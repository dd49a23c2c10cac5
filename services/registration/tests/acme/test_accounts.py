"""Accounts: RFC 8555 §7.3, attacks A06 and A07."""

import asyncio
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from fixtures.acme_harness import ACMEHarness, provisioner
from newel.acme import external_account, jws, key_change
from newel.jose import base64url, jwk
from newel.runtime.database.contract import Statement, Write


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
)
async def test_keys_of_every_kind_have_accounts(harness: ACMEHarness, key: Any) -> None:
    client = harness.client(key=key)
    made = await client.register(contact=["mailto:a@example.org"])
    assert made.status == 201
    assert made.json == {
        "status": "valid",
        "contact": ["mailto:a@example.org"],
        "orders": client.kid + "/orders",
    }
    assert (await client.post(client.kid)).json == made.json


@pytest.mark.attack("A06")
async def test_a_known_key_finds_its_account_and_changes_nothing(either: ACMEHarness) -> None:
    client = await either.register_client()
    again = await client.register(contact=["mailto:evil@example.org"])
    assert again.status == 200
    assert again.header("location") == client.kid
    assert "contact" not in again.json
    assert (await client.register(onlyReturnExisting=True)).status == 200


async def test_one_key_registered_many_times_at_once_has_one_account(either: ACMEHarness) -> None:
    client = either.client()
    replies = await asyncio.gather(*[client.post("new-account", {}, kid=None) for _ in range(20)])
    assert sorted(reply.status for reply in replies) == [200] * 19 + [201]
    assert len({reply.header("location") for reply in replies}) == 1


async def test_only_return_existing(harness: ACMEHarness) -> None:
    reply = await harness.client().register(onlyReturnExisting=True)
    assert reply.problem == "accountDoesNotExist"
    assert reply.status == 400
    assert await harness.rows("SELECT count(*) FROM acme_accounts") == [(0,)]


@pytest.mark.parametrize(
    ("contact", "problem"),
    [
        ("tel:+4412345", "unsupportedContact"),
        ("mailto:a@example.org?subject=x", "invalidContact"),
        ("mailto:a@example.org,b@example.org", "invalidContact"),
        ("mailto:", "invalidContact"),
        ("mailto:no-domain", "invalidContact"),
        ("mailto:a@exa mple.org", "invalidContact"),
        ("a@example.org", "invalidContact"),
        ("mailto:" + "a" * 400 + "@example.org", "invalidContact"),
        ("mailto:cpu@l\u0334etsencrypt.org", "invalidContact"),
        ("mailto:\xe4@example.org", "invalidContact"),
        ("mailto:a@b\xfccher.example", "invalidContact"),
        ("mailto:a%40example.org", "invalidContact"),
        ("mailto: ", "invalidContact"),
    ],
)
async def test_contacts(harness: ACMEHarness, contact: str, problem: str) -> None:
    assert (await harness.client().register(contact=[contact])).problem == problem
    client = await harness.register_client()
    assert (await client.post(client.kid, {"contact": [contact]})).problem == problem
    many = [f"mailto:a{i}@example.org" for i in range(11)]
    assert (await client.post(client.kid, {"contact": many})).problem == "invalidContact"


async def test_white_space_around_contacts_is_left_out_and_null_is_none(
    harness: ACMEHarness,
) -> None:
    client = harness.client()
    made = await client.register(contact=["mailto: a@b.example ", " MAILTO:c@b.example\t"])
    assert made["contact"] == ["mailto:a@b.example", "mailto:c@b.example"]
    moved = await client.post(client.kid, {"contact": ["mailto:\nd@b.example"]})
    assert moved["contact"] == ["mailto:d@b.example"]
    kept = await client.post(client.kid, {"contact": None, "status": None})
    assert kept["contact"] == ["mailto:d@b.example"]
    nothing = {"contact": None, "externalAccountBinding": None, "termsOfServiceAgreed": None}
    assert (await harness.client().register(**nothing)).status == 201


async def test_contacts_are_updated_and_unknown_members_ignored(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    assert (await client.post(client.kid, {"contact": ["mailto:b@example.org"]}))["contact"]
    untouched = await client.post(client.kid, {"termsOfServiceAgreed": True, "orders": "x"})
    assert untouched["contact"] == ["mailto:b@example.org"]
    assert (await client.post(client.kid, {"status": "valid"})).problem == "malformed"
    assert (await client.post(client.kid, b"[]")).problem == "malformed"


@pytest.mark.attack("A05")
async def test_an_account_belongs_to_one_key(harness: ACMEHarness) -> None:
    one, two = await harness.register_client(), await harness.register_client()
    for payload in (None, {"status": "deactivated"}):
        assert (await two.post(one.kid, payload)).status == 404
    assert (await two.post(one.kid + "/orders")).status == 404
    assert (await one.post(one.kid))["status"] == "valid"


async def test_terms_of_service(harness: ACMEHarness) -> None:
    harness.provisioners["acme"] = provisioner(
        terms_of_service="https://terms", website="https://w"
    )
    reply = await harness.client().register()
    assert reply.problem == "userActionRequired"
    assert reply.status == 403
    assert reply.links("terms-of-service") == ["https://terms"]
    agreed = await harness.client().register(termsOfServiceAgreed=True)
    assert agreed.status == 201
    assert agreed["termsOfServiceAgreed"] is True


async def test_orders_are_listed_by_pages(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    made = [(await client.order(f"n{i}.example")).header("location") for i in range(101)]
    first = await client.post(client.kid + "/orders")
    (following,) = first.links("next")
    second = await client.post(following)
    assert sorted(first["orders"] + second["orders"]) == sorted(made)
    assert second.links("next") == []


async def add_external_key(
    harness: ACMEHarness, key_id: str = "k1", mac_key: bytes = b"m" * 32
) -> None:
    row = Statement("""
        INSERT INTO acme_external_keys (id, provisioner, reference, mac_key, created_at)
        VALUES ($1, 'acme', '', $2, 0)""")
    await harness.database.apply(Write(row, (key_id, mac_key)))


def make_binding_payload(
    client: Any, key_id: str = "k1", mac_key: bytes = b"m" * 32
) -> dict[str, Any]:
    made = external_account.make_binding(
        key_id, mac_key, client.url("new-account"), client.key.public_key()
    )
    return {"externalAccountBinding": msgspec.json.decode(made)}


@pytest.mark.attack("A06")
async def test_external_accounts_are_bound_once(either: ACMEHarness) -> None:
    either.provisioners["acme"] = provisioner(require_eab=True)
    await add_external_key(either)
    assert (await either.client().register()).problem == "externalAccountRequired"
    clients = [either.client() for _ in range(10)]
    replies = await asyncio.gather(
        *[each.register(**make_binding_payload(each)) for each in clients]
    )
    assert sorted(reply.status for reply in replies) == [201] + [401] * 9
    assert await either.rows("SELECT count(*) FROM acme_accounts") == [(1,)]
    winner = next(each for each in clients if each.kid)
    assert (await winner.register()).status == 200


@pytest.mark.attack("A06")
async def test_bindings_that_do_not_verify(harness: ACMEHarness) -> None:
    harness.provisioners["acme"] = provisioner(require_eab=True)
    await add_external_key(harness)
    client, other = harness.client(), harness.client()
    assert (
        await client.register(**make_binding_payload(client, mac_key=b"x" * 32))
    ).problem == "unauthorized"
    assert (
        await client.register(**make_binding_payload(client, key_id="k2"))
    ).problem == "unauthorized"
    assert (await client.register(**make_binding_payload(other))).problem == "malformed"
    by_key = msgspec.json.decode(
        jws.sign(b"{}", client.key, url=client.url("new-account"), kid="k1")
    )
    reply = await client.register(externalAccountBinding=by_key)
    assert reply.problem == "badSignatureAlgorithm"
    assert await harness.rows("SELECT account FROM acme_external_keys") == [(None,)]


async def test_a_key_change_moves_the_account(either: ACMEHarness) -> None:
    client = await either.register_client()
    new = ec.generate_private_key(ec.SECP256R1())
    inner = key_change.make_request(client.kid, client.url("key-change"), client.key, new)
    changed = await client.post("key-change", inner)
    assert changed.status == 200
    assert (await client.post(client.kid)).problem == "malformed"  # the old key has no account
    client.key = new
    assert (await client.post(client.kid)).status == 200
    assert (await client.register()).header("location") == client.kid


@pytest.mark.attack("A07")
async def test_a_key_that_has_an_account_is_not_taken_over(either: ACMEHarness) -> None:
    client, other = await either.register_client(), await either.register_client()
    inner = key_change.make_request(client.kid, client.url("key-change"), client.key, other.key)
    reply = await client.post("key-change", inner)
    assert reply.status == 409
    assert reply.header("location") == other.kid
    assert (await client.post(client.kid)).status == 200


@pytest.mark.attack("A07")
async def test_a_key_change_to_the_same_key_is_a_conflict(either: ACMEHarness) -> None:
    client = await either.register_client()
    inner = key_change.make_request(client.kid, client.url("key-change"), client.key, client.key)
    reply = await client.post("key-change", inner)
    assert reply.status == 409
    assert reply.header("location") == client.kid
    assert either.audit.outcomes("acme.key-change") == ["refused"]
    assert (await client.post(client.kid)).status == 200


@pytest.mark.attack("A07")
async def test_of_rollovers_that_race_one_wins(either: ACMEHarness) -> None:
    client = await either.register_client()
    fresh = [ec.generate_private_key(ec.SECP256R1()) for _ in range(8)]
    url = client.url("key-change")
    replies = await asyncio.gather(
        *[
            client.post("key-change", key_change.make_request(client.kid, url, client.key, key))
            for key in fresh
        ]
    )
    # the others sign with a key that is gone, or find it replaced in the end
    statuses = sorted(reply.status for reply in replies)
    assert statuses[0] == 200
    assert set(statuses[1:]) <= {400, 401}
    winner = fresh[[reply.status for reply in replies].index(200)]
    ((thumbprint,),) = await either.rows("SELECT thumbprint FROM acme_accounts")
    assert bytes(thumbprint) == jwk.thumbprint(winner.public_key())


@pytest.mark.attack("A07")
async def test_inner_requests_that_break_a_rule(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    new = ec.generate_private_key(ec.SECP256R1())
    url = client.url("key-change")
    for inner in (
        jws.sign(b"{}", new, url=url),
        key_change.make_request(client.kid, url + "x", client.key, new),
        key_change.make_request(client.kid + "x", url, client.key, new),
        key_change.make_request(client.kid, url, new, new),
        b"",
    ):
        assert (await client.post("key-change", inner)).problem == "malformed"
    assert base64url.encode(client.thumbprint)
    assert (await client.post(client.kid)).status == 200
