"""Authorizations for a domain and those below it (RFC 9444)."""

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.acme_account import Client, make_csr
from fixtures.acme_harness import ACMEHarness, provisioner
from fixtures.acme_requests import Reply, ask
from newel.acme import challenges
from newel.jose import base64url
from newel.registration.policy.approvals import Approvals
from newel.step.acme_profiles import ACMENewel
from newel.step.policies import NameLists


def allow(harness: ACMEHarness, **fields: Any) -> None:
    """Turn pre-authorization and authorizations of whole domains on."""
    own = ACMENewel(preauthorization=True, subdomains=True)
    harness.provisioners["acme"] = provisioner(newel=own, **fields)


async def request(client: Client, value: str, *, below: bool = True) -> Reply:
    """Ask for the authorization of a domain in advance."""
    asked = {"type": "dns", "value": value, "subdomainAuthAllowed": below}
    return await client.post("new-authz", {"identifier": asked})


async def place(client: Client, ancestor: str, *names: str) -> Reply:
    """Place an order whose names are proved by a domain above them."""
    listed = [{"type": "dns", "value": name, "ancestorDomain": ancestor} for name in names]
    return await client.post("new-order", {"identifiers": listed})


async def prove(harness: ACMEHarness, client: Client, url: str) -> Reply:
    """Prove an authorization by dns-01."""
    shown = await client.post(url)
    (challenge,) = shown["challenges"]
    name = challenges.dns_name(shown["identifier"]["value"])
    value = challenges.dns_value(client.authorization(challenge["token"]))
    harness.dns.set(name, "TXT", [f'"{value}"'])
    await client.post(challenge["url"], {})
    return await client.poll(url)


async def finalize(client: Client, order: Reply, *names: str) -> Reply:
    return await client.post(order["finalize"], {"csr": make_csr(*names)})


async def test_a_domain_that_was_proved_in_advance_proves_those_below_it(
    either: ACMEHarness,
) -> None:
    allow(either)
    client = await either.register_client()
    made = await request(client, "lab.example")
    shown = {name: made[name] for name in ("identifier", "subdomainAuthAllowed", "wildcard")}
    assert shown == {
        "identifier": {"type": "dns", "value": "lab.example"},
        "subdomainAuthAllowed": True,
        "wildcard": True,
    }
    url = made.header("location")
    assert (await prove(either, client, url))["status"] == "valid"
    names = ("lab.example", "a.lab.example", "*.b.lab.example", "*.lab.example")
    order = await client.order(*names)
    assert (order["status"], order["authorizations"]) == ("ready", [url])
    assert (await finalize(client, order, *names))["status"] == "valid"
    for stranger in ("example", "xlab.example", "lab.example.org"):
        assert (await client.order(stranger))["status"] == "pending"


async def test_an_order_names_the_domain_that_its_client_can_prove(either: ACMEHarness) -> None:
    allow(either)
    client = await either.register_client()
    order = await place(client, "Example", "a.lab.example", "b.lab.example")
    assert order["identifiers"] == [
        {"type": "dns", "value": "a.lab.example"},
        {"type": "dns", "value": "b.lab.example"},
    ]
    assert order["status"] == "pending"
    (url,) = order["authorizations"]
    refused = await finalize(client, order, "a.lab.example", "b.lab.example")
    assert refused.problem == "orderNotReady"
    proved = await prove(either, client, url)
    assert (proved["status"], proved["identifier"]["value"]) == ("valid", "example")
    assert proved["subdomainAuthAllowed"]
    assert (await client.post(order.header("location")))["status"] == "ready"
    done = await finalize(client, order, "a.lab.example", "b.lab.example")
    assert done["status"] == "valid"
    assert (await client.order("c.example"))["status"] == "pending"  # it was for that order alone
    chain = await client.post(done["certificate"])
    leaf = x509.load_pem_x509_certificate(chain.body).public_bytes(Encoding.DER)
    revoked = await client.post("revoke-cert", {"certificate": base64url.encode(leaf)})
    assert revoked.status == 200


async def test_a_name_that_is_approved_needs_no_domain_above_it(either: ACMEHarness) -> None:
    allow(either)
    client = await either.register_client()
    account = (await either.rows("SELECT id FROM acme_accounts"))[0][0]
    either.approvals[bytes(account)] = Approvals(NameLists(dns=("a.example",)))
    order = await place(client, "example", "a.example")
    assert (order.status, order["status"]) == (201, "ready")
    assert (await finalize(client, order, "a.example"))["status"] == "valid"


async def test_a_domain_that_cannot_be_proved_makes_the_order_invalid(harness: ACMEHarness) -> None:
    allow(harness)
    client = await harness.register_client()
    order = await place(client, "example", "a.example")
    (url,) = order["authorizations"]
    (challenge,) = (await client.post(url))["challenges"]
    harness.dns.set("_acme-challenge.example", "TXT", ['"other"'])
    await client.post(challenge["url"], {})
    assert (await client.poll(url))["status"] == "invalid"
    assert (await client.post(order.header("location")))["status"] == "invalid"


@pytest.mark.attack("A11")
async def test_only_dns_proves_a_whole_domain(harness: ACMEHarness) -> None:
    allow(harness)
    client = await harness.register_client()
    url = (await request(client, "example")).header("location")
    challenge = await client.challenge(url, "dns-01")
    for kind in ("http-01", "tls-alpn-01"):
        assert (await client.post(challenge["url"].replace("dns-01", kind), {})).status == 404
    assert harness.web.asked == []
    with pytest.raises(ValueError, match="needs a challenge by DNS"):
        allow(harness, challenges=["http-01"])


@pytest.mark.attack("A11")
async def test_a_name_alone_proves_nothing_below_it(harness: ACMEHarness) -> None:
    allow(harness, challenges=["dns-01"])
    client = await harness.register_client()
    made = await request(client, "example", below=False)
    assert "subdomainAuthAllowed" not in made.json
    await prove(harness, client, made.header("location"))
    assert (await client.order("example"))["status"] == "ready"
    assert (await client.order("a.example"))["status"] == "pending"
    assert (await client.order("*.example"))["status"] == "pending"


async def test_without_the_setting_each_name_is_proved_by_itself(harness: ACMEHarness) -> None:
    allow(harness, challenges=["dns-01"])
    client = await harness.register_client()
    url = (await request(client, "example")).header("location")
    await prove(harness, client, url)
    directory = await ask(harness.acme.app, "GET", client.url("directory"))
    assert directory["meta"]["subdomainAuthAllowed"] is True
    own = ACMENewel(preauthorization=True)
    harness.provisioners["acme"] = provisioner(challenges=["dns-01"], newel=own)
    directory = await ask(harness.acme.app, "GET", client.url("directory"))
    assert "meta" not in directory.json
    assert (await client.order("a.example"))["status"] == "pending"
    order = await place(client, "example", "a.example")
    (url,) = order["authorizations"]
    assert (await client.post(url))["identifier"]["value"] == "a.example"
    made = await request(client, "other.example")
    assert "subdomainAuthAllowed" not in made.json


@pytest.mark.parametrize("ancestor", ["b.example", "xa.example", "*.example", "a b", ""])
async def test_an_ancestor_that_is_none_is_refused(harness: ACMEHarness, ancestor: str) -> None:
    allow(harness)
    client = await harness.register_client()
    order = await place(client, ancestor, "x.a.example")
    if not ancestor:  # as if it were absent
        assert order.status == 201
        return
    assert order.status in {400, 403}
    assert order.problem in {"malformed", "rejectedIdentifier"}
    address = {"type": "ip", "value": "127.0.0.1", "ancestorDomain": "example"}
    assert (await client.post("new-order", {"identifiers": [address]})).problem == "malformed"


@pytest.mark.attack("A19")
async def test_caa_records_of_each_name_are_looked_at_whatever_proved_it(
    harness: ACMEHarness,
) -> None:
    own = ACMENewel(preauthorization=True, subdomains=True, check_caa=True)
    harness.provisioners["acme"] = provisioner(newel=own, caa_identities=["ca.example"])
    client = await harness.register_client()
    by_dns = '0 issue "ca.example; validationmethods=dns-01"'
    harness.dns.set("example", "CAA", [by_dns, '0 issuewild ";"'])
    url = (await request(client, "example")).header("location")
    assert (await prove(harness, client, url))["status"] == "valid"
    order = await client.order("a.example")
    assert (await finalize(client, order, "a.example"))["status"] == "valid"
    for name in ("*.example", "b.example"):
        order = await client.order(name)
        assert order["status"] == "ready"
        harness.dns.set("b.example", "CAA", ['0 issue ";"'])
        assert (await finalize(client, order, name)).problem == "caa"
