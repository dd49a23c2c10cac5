"""Issuing a certificate by RFC 8555 §7, from the directory to its download."""

import ipaddress

from cryptography import x509
from prometheus_client import generate_latest

from fixtures.acme_account import HOST, make_csr
from fixtures.acme_harness import ACMEHarness
from fixtures.acme_requests import ask
from newel.acme import challenges


async def test_an_order_becomes_a_certificate_by_http_01(either: ACMEHarness) -> None:
    client = await either.register_client()
    order = await client.order("A.Example", "b.example", "a.example")
    assert order.status == 201
    assert order["identifiers"] == [
        {"type": "dns", "value": "a.example"},
        {"type": "dns", "value": "b.example"},
    ]
    assert order["status"] == "pending"
    for authorization in order["authorizations"]:
        shown = await client.post(authorization)
        assert shown["status"] == "pending"
        kinds = {each["type"]: each["token"] for each in shown["challenges"]}
        assert set(kinds) == {"http-01", "dns-01", "tls-alpn-01"}
        assert len(set(kinds.values())) == 3
        challenge = await client.challenge(authorization, "http-01")
        either.web.present(client, challenge["token"])
        answered = await client.post(challenge["url"], {})
        assert answered["status"] == "processing"
        assert answered.links("up") == [authorization]
        done = await client.poll(authorization)
        assert done["status"] == "valid"
        (only,) = done["challenges"]
        assert only["validated"] == "2026-11-21T12:00:00Z"
    url = order.header("location")
    assert (await client.post(url))["status"] == "ready"
    finished = await client.post(order["finalize"], {"csr": make_csr("b.example", "a.example")})
    assert finished.status == 200
    assert finished["status"] == "valid"
    fetched = await client.post(finished["certificate"])
    assert fetched.header("content-type") == "application/pem-certificate-chain"
    leaf, issuer = x509.load_pem_x509_certificates(fetched.body)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"a.example", "b.example"}
    leaf.verify_directly_issued_by(issuer)
    (request,) = either.issuing.requests
    assert request.provisioner.type == "ACME"
    assert request.subject_of_proof == client.kid.removeprefix(f"https://{HOST}/")


async def test_addresses_are_identifiers(harness: ACMEHarness) -> None:
    """An address is an identifier of type "ip" (RFC 8738)."""
    client = await harness.register_client()
    order = await client.order("127.0.0.1")
    shown = await client.post(order["authorizations"][0])
    assert {each["type"] for each in shown["challenges"]} == {"http-01", "tls-alpn-01"}
    ready = await harness.ready(client, "127.0.0.1")
    assert ready["status"] == "ready"
    csr = make_csr(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    assert (await client.post(ready["finalize"], {"csr": csr}))["status"] == "valid"


async def test_a_wildcard_is_proved_by_dns_alone(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    order = await client.order("*.a.example")
    assert order["identifiers"] == [{"type": "dns", "value": "*.a.example"}]
    (authorization,) = order["authorizations"]
    shown = await client.post(authorization)
    assert shown["identifier"] == {"type": "dns", "value": "a.example"}
    assert shown["wildcard"] is True
    (challenge,) = shown["challenges"]
    assert challenge["type"] == "dns-01"
    value = challenges.dns_value(client.authorization(challenge["token"]))
    harness.dns.set("_acme-challenge.a.example", "TXT", ['"noise"', f'"{value}"'])
    await client.post(challenge["url"], {})
    assert (await client.poll(authorization))["status"] == "valid"
    finished = await client.post(order["finalize"], {"csr": make_csr("*.a.example")})
    assert finished["status"] == "valid"


async def test_the_directory(harness: ACMEHarness) -> None:
    """The directory lists every resource and its metadata (RFC 8555 §7.1.1)."""
    reply = await ask(harness.acme.app, "GET", f"https://{HOST}/acme/acme/directory")
    assert reply.status == 200
    assert reply.json == {
        "newNonce": f"https://{HOST}/acme/acme/new-nonce",
        "newAccount": f"https://{HOST}/acme/acme/new-account",
        "newOrder": f"https://{HOST}/acme/acme/new-order",
        "revokeCert": f"https://{HOST}/acme/acme/revoke-cert",
        "keyChange": f"https://{HOST}/acme/acme/key-change",
        "renewalInfo": f"https://{HOST}/acme/acme/renewal-info",
    }
    other = await ask(harness.acme.app, "GET", f"https://{HOST}/2.0/acme/acme/directory")
    assert other.json == reply.json
    assert (await ask(harness.acme.app, "GET", f"https://{HOST}/acme/none/directory")).status == 404


async def test_the_old_prefix_leads_to_the_same_resources(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    old = f"https://{HOST}/2.0/acme/acme/new-order"
    order = await client.post(old, {"identifiers": [{"type": "dns", "value": "a.example"}]})
    assert order.status == 201
    assert order.header("location").startswith(f"https://{HOST}/acme/acme/order/")


async def test_what_was_decided_is_audited_and_counted(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    order = await harness.ready(client, "a.example")
    await client.post(order["finalize"], {"csr": make_csr("a.example")})
    for event in ("acme.new-account", "acme.new-order", "acme.challenge", "acme.finalize"):
        assert harness.audit.outcomes(event) == ["granted"], event
    text = generate_latest(harness.registry).decode()
    assert 'step_ca_x509_signed_total{provisioner="acme",success="true"} 1.0' in text
    assert 'operation="acme.challenge",outcome="granted"} 1.0' in text
