"""What one process remembers while another one changes it: two ACME servers on one database."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from fixtures.acme_account import Client, make_csr
from fixtures.acme_harness import ACMEHarness
from fixtures.acme_requests import Reply
from newel.acme import key_change


async def twin_of(harness: ACMEHarness, client: Client) -> Client:
    """The same client, talking to another replica."""
    replica = harness.rebuild()
    await replica.start()
    twin = harness.client(key=client.key, kid=client.kid)
    twin.app = replica.app
    return twin


async def change_key(client: Client, new: Any) -> Reply:
    inner = key_change.make_request(client.kid, client.url("key-change"), client.key, new)
    return await client.post("key-change", inner)


@pytest.mark.parametrize(
    "new",
    [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)],
    ids=["same algorithm", "another algorithm"],
)
async def test_a_new_account_key_is_good_at_every_replica_at_once(
    either: ACMEHarness, new: Any
) -> None:
    here = await either.register_client()
    there = await twin_of(either, here)
    assert (await there.post(there.kid)).status == 200  # remembered with the old key
    old = here.key
    assert (await change_key(here, new)).status == 200
    for client in (there, here):
        client.key = new
        assert (await client.post(client.kid)).status == 200
        assert (await client.order("a.example")).status == 201
    for client in (there, here):
        client.key = old
        refused = await client.post(client.kid)
        assert refused.problem in {"malformed", "badSignatureAlgorithm"}


async def test_the_old_key_finds_out_that_it_was_replaced_and_the_new_one_goes_on(
    either: ACMEHarness,
) -> None:
    here = await either.register_client()
    there = await twin_of(either, here)
    assert (await there.post(there.kid)).status == 200
    new = ec.generate_private_key(ec.SECP256R1())
    assert (await change_key(here, new)).status == 200
    refused = await there.post(there.kid)  # signed with the old key, remembered here
    assert refused.problem == "unauthorized"
    there.key = new
    assert (await there.post(there.kid)).status == 200


async def test_a_key_can_go_back_and_forth_between_replicas(either: ACMEHarness) -> None:
    here = await either.register_client()
    there = await twin_of(either, here)
    keys = [here.key, *[ec.generate_private_key(ec.SECP256R1()) for _ in range(2)], here.key]
    for number, new in enumerate(keys[1:]):
        one, other = (here, there) if number % 2 else (there, here)
        assert (await change_key(one, new)).status == 200
        here.key = there.key = new
        assert (await other.post(other.kid)).status == 200


async def test_a_deactivated_account_is_nowhere_active(either: ACMEHarness) -> None:
    here = await either.register_client()
    there = await twin_of(either, here)
    assert (await there.post(there.kid)).status == 200
    await here.post(here.kid, {"status": "deactivated"})
    for client in (there, here):
        assert (await client.order("a.example")).problem == "unauthorized"


async def test_contacts_changed_elsewhere_are_shown(either: ACMEHarness) -> None:
    here = await either.register_client()
    there = await twin_of(either, here)
    assert (await there.post(there.kid)).status == 200
    await here.post(here.kid, {"contact": ["mailto:b@example.org"]})
    assert (await there.post(there.kid))["contact"] == ["mailto:b@example.org"]


async def test_a_reconfigured_chain_is_served_by_every_replica(
    either: ACMEHarness,
) -> None:
    here = await either.register_client()
    order = await either.ready(here, "a.example")
    done = await here.post(order["finalize"], {"csr": make_csr("a.example")})
    before = (await here.post(done["certificate"])).body
    either.issuing.above = [either.issuing.root]
    either.acme.forget_chains()
    after = (await here.post(done["certificate"])).body
    assert after.startswith(before)
    assert after.count(b"BEGIN") == before.count(b"BEGIN") + 1
