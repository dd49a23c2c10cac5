"""newAuthz (RFC 8555 §7.4.1): names that an account proves before it orders."""

import asyncio
import datetime as dt
import ipaddress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.acme_account import Client, make_csr
from fixtures.acme_harness import ACMEHarness, make_harness, provisioner
from fixtures.acme_requests import Reply, ask
from newel.acme.identifiers import Identifier
from newel.jose import base64url
from newel.registration.acme import ids
from newel.registration.acme.changes import NewAuthorization
from newel.registration.acme.records import Admission
from newel.registration.acme.storage import Storage
from newel.registration.policy.approvals import Approvals
from newel.runtime.database.connect import open_database
from newel.step.acme_profiles import ACMENewel
from newel.step.policies import NameLists, PolicyConfig


def allow(harness: ACMEHarness, **fields: Any) -> None:
    """Turn pre-authorization on."""
    harness.provisioners["acme"] = provisioner(newel=ACMENewel(preauthorization=True), **fields)


async def request(client: Client, value: str, kind: str = "dns") -> Reply:
    """Ask for an authorization in advance."""
    return await client.post("new-authz", {"identifier": {"type": kind, "value": value}})


async def prove(harness: ACMEHarness, client: Client, value: str, kind: str = "dns") -> str:
    """Return the URL of an authorization that was made in advance and proved by http-01."""
    made = await request(client, value, kind)
    assert (made.status, made["status"]) == (201, "pending"), made
    url = made.header("location")
    challenge = await client.challenge(url, "http-01")
    harness.web.present(client, challenge["token"])
    await client.post(challenge["url"], {})
    assert (await client.poll(url))["status"] == "valid"
    return url


async def test_an_order_of_names_that_were_proved_in_advance_is_ready_at_once(
    either: ACMEHarness,
) -> None:
    allow(either)
    client = await either.register_client()
    urls = [
        await prove(either, client, "A.example"),
        await prove(either, client, "127.0.0.1", "ip"),
    ]
    order = await client.order("a.example", "127.0.0.1")
    assert (order.status, order["status"]) == (201, "ready")
    assert order["authorizations"] == urls
    read = await client.post(order.header("location"))
    assert (read["status"], read["authorizations"]) == ("ready", urls)
    csr = make_csr("a.example", x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    assert (await client.post(order["finalize"], {"csr": csr}))["status"] == "valid"
    assert len(either.web.asked) == 2
    again = await client.order("a.example")
    assert again["authorizations"] == urls[:1]


async def test_what_was_not_proved_in_advance_is_proved_by_the_order(either: ACMEHarness) -> None:
    allow(either)
    client = await either.register_client()
    url = await prove(either, client, "b.example")
    order = await client.order("a.example", "b.example", "*.b.example")
    assert order["status"] == "pending"
    assert order["authorizations"][1] == url
    states = [(await client.post(each))["status"] for each in order["authorizations"]]
    assert states == ["pending", "valid", "pending"]
    own = order["authorizations"][0]
    hidden = own.removesuffix(".0") + ".1"
    assert (await client.post(hidden)).status == 404
    assert (await client.post(hidden, {"status": "deactivated"})).status == 404
    plain = await client.order("b.example", "a.example")
    (_, mine) = plain["authorizations"]
    challenge = await client.challenge(mine, "http-01")
    either.web.present(client, challenge["token"])
    await client.post(challenge["url"], {})
    assert (await client.poll(mine))["status"] == "valid"
    assert (await client.post(plain.header("location")))["status"] == "ready"
    done = await client.post(plain["finalize"], {"csr": make_csr("a.example", "b.example")})
    assert done["status"] == "valid"


async def test_an_authorization_that_is_deactivated_carries_no_order(either: ACMEHarness) -> None:
    allow(either)
    client = await either.register_client()
    url = await prove(either, client, "a.example")
    order = await client.order("a.example")
    assert (await client.post(url, {"status": "deactivated"}))["status"] == "deactivated"
    assert (await client.post(order.header("location")))["status"] == "invalid"
    refused = await client.post(order["finalize"], {"csr": make_csr("a.example")})
    assert refused.problem == "orderNotReady"
    assert either.issuing.requests == []
    fresh = await client.order("a.example")
    assert fresh["status"] == "pending"
    assert url not in fresh["authorizations"]


async def test_no_order_outlives_what_proved_its_names(harness: ACMEHarness) -> None:
    allow(harness)
    client = await harness.register_client()
    url = await prove(harness, client, "a.example")
    ends = (await client.post(url))["expires"]
    harness.clock.advance(dt.timedelta(hours=22))
    order = await client.order("a.example")
    assert (order["status"], order["expires"]) == ("ready", ends)
    harness.clock.advance(dt.timedelta(hours=1, minutes=1))
    assert (await client.order("a.example"))["status"] == "pending"  # it ends too soon
    harness.clock.advance(dt.timedelta(hours=1))
    assert (await client.post(url))["status"] == "expired"
    assert (await client.post(order.header("location")))["status"] == "invalid"
    refused = await client.post(order["finalize"], {"csr": make_csr("a.example")})
    assert refused.problem == "orderNotReady"


async def test_only_the_account_that_proved_it_and_the_challenges_offered_now_count(
    harness: ACMEHarness,
) -> None:
    allow(harness)
    client, other = await harness.register_client(), await harness.register_client()
    url = await prove(harness, client, "a.example")
    assert (await other.order("a.example"))["status"] == "pending"
    assert (await other.post(url)).status == 404
    allow(harness, challenges=["dns-01"])
    assert (await client.order("a.example"))["status"] == "pending"
    harness.provisioners["acme"] = provisioner()
    assert (await client.order("a.example"))["status"] == "pending"


async def test_the_directory_names_it_where_it_is_on_and_it_is_not_found_elsewhere(
    harness: ACMEHarness,
) -> None:
    client = await harness.register_client()
    directory = client.url("directory")
    assert "newAuthz" not in (await ask(harness.acme.app, "GET", directory)).json
    assert (await request(client, "a.example")).status == 404
    allow(harness)
    assert (await ask(harness.acme.app, "GET", directory))["newAuthz"] == client.url("new-authz")


async def test_the_answer_has_all_that_a_record_of_the_domain_must_name(
    harness: ACMEHarness,
) -> None:
    allow(harness, challenges=["dns-persist-01"], caa_identities=["ca.example"])
    client = await harness.register_client()
    made = await request(client, "a.example")
    (challenge,) = made["challenges"]
    assert challenge["issuer-domain-names"] == ["ca.example"]
    assert (await client.post(made.header("location")))["challenges"] == [challenge]


async def test_what_only_an_order_proves_and_what_policies_forbid_is_refused(
    harness: ACMEHarness,
) -> None:
    policy = msgspec.convert({"x509": {"deny": {"dns": ["bad.lab"]}}}, PolicyConfig)
    allow(
        harness,
        policy=policy,
        challenges=["http-01", "device-attest-01"],
        attestation_formats=["step"],
    )
    client = await harness.register_client()
    for value, kind in (("*.a.lab", "dns"), ("bad.lab", "dns"), ("47", "permanent-identifier")):
        reply = await request(client, value, kind)
        assert (reply.status, reply.problem) == (403, "rejectedIdentifier"), reply
    assert (await request(client, "a", "mail")).problem == "unsupportedIdentifier"
    assert (await client.post("new-authz", {})).problem == "malformed"
    assert await harness.rows("SELECT count(*) FROM acme_authorizations") == [(0,)]
    assert harness.audit.lines


async def test_an_account_has_a_bounded_number_of_them(database_url: str) -> None:
    async with make_harness(database_url, most_preauthorizations=2) as harness:
        allow(harness)
        client, other = await harness.register_client(), await harness.register_client()
        first = await request(client, "a.example")
        assert (await request(client, "b.example")).status == 201
        refused = await request(client, "c.example")
        assert (refused.status, refused.problem) == (429, "rateLimited")
        assert "deactivate some" in refused["detail"]
        assert refused.header("retry-after")
        assert (await request(other, "c.example")).status == 201
        await client.post(first.header("location"), {"status": "deactivated"})
        assert (await request(client, "c.example")).status == 201
        harness.clock.advance(dt.timedelta(hours=24))
        assert (await request(client, "d.example")).status == 201


@pytest.mark.attack("A22")
async def test_replicas_make_no_more_of_them_together(database_url: str) -> None:
    async with make_harness(database_url) as harness:
        client = await harness.register_client()
        account = ids.parse(client.kid.rsplit("/", 1)[1]) or b""
        replicas = [await open_database(database_url) for _ in range(4)]

        async def make(number: int) -> None:
            now = harness.clock.now()
            new = NewAuthorization(
                ids.new_id(now), account, Identifier("dns", f"h{number}.example"), False,
                now + dt.timedelta(hours=1), ids.new_seed(), now, most=5,
            )  # fmt: skip # a record
            admission = Admission(ids.new_id(now), account, client.thumbprint)
            assert await Storage(replicas[number % 4]).admit(admission, new)

        await asyncio.gather(*map(make, range(60)))
        for each in replicas:
            await each.close()
        assert await harness.rows("SELECT count(*) FROM acme_authorizations") == [(5,)]


async def test_approved_names_are_valid_at_once_and_only_while_they_are_approved(
    harness: ACMEHarness,
) -> None:
    allow(harness)
    client = await harness.register_client()
    account = ids.parse(client.kid.rsplit("/", 1)[1])
    assert account
    harness.approvals[account] = Approvals(NameLists(dns=("host.lab",)))
    assert (await request(client, "host.lab"))["status"] == "valid"
    assert (await client.order("host.lab"))["status"] == "ready"
    del harness.approvals[account]
    assert (await client.order("host.lab"))["status"] == "pending"


async def test_who_proved_the_names_in_advance_revokes(harness: ACMEHarness) -> None:
    allow(harness)
    client, other = await harness.register_client(), await harness.register_client()
    await prove(harness, client, "a.example")
    order = await client.order("a.example")
    done = await client.post(order["finalize"], {"csr": make_csr("a.example")})
    chain = await client.post(done["certificate"])
    leaf = x509.load_pem_x509_certificate(chain.body).public_bytes(Encoding.DER)
    asked = {"certificate": base64url.encode(leaf)}
    assert (await other.post("revoke-cert", asked)).status == 403
    await prove(harness, other, "a.example")
    assert (await other.post("revoke-cert", asked)).status == 200


async def test_they_are_swept_without_an_order(tmp_path: Path) -> None:
    async with make_harness(f"sqlite:///{tmp_path}/registration.db") as harness:
        allow(harness)
        client = await harness.register_client()
        await request(client, "a.example")
        harness.clock.advance(dt.timedelta(days=31))
        kept = await request(client, "b.example")
        await harness.sweep()
        assert await harness.rows("SELECT count(*) FROM acme_authorizations") == [(1,)]
        assert (await client.post(kept.header("location")))["status"] == "pending"
