"""revokeCert: RFC 8555 §7.6, attack A21."""

import asyncio
import hashlib
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fixtures.acme_account import Client, make_csr
from fixtures.acme_harness import ACMEHarness
from fixtures.authority import EPOCH
from fixtures.odd_certificates import odd_certificates
from fixtures.small_issuing import SmallIssuing
from newel.acme import jws, key_change
from newel.crypto import keys
from newel.jose import base64url
from newel.proto.issuing.v1 import issuing_pb2 as pb


async def issue_certificate(
    harness: ACMEHarness, client: Client, *names: str, key: Any = None
) -> str:
    """A certificate as revokeCert takes it."""
    order = await harness.ready(client, *names)
    done = await client.post(order["finalize"], {"csr": make_csr(*names, key=key)})
    chain = await client.post(done["certificate"])
    leaf = x509.load_pem_x509_certificate(chain.body)
    return base64url.encode(leaf.public_bytes(Encoding.DER))


def revocation_reasons(harness: ACMEHarness) -> list[int]:
    return [r.revoked.reason for r in harness.issuing.records.values() if r.HasField("revoked")]


async def test_the_account_that_ordered_it_revokes(either: ACMEHarness) -> None:
    client = await either.register_client()
    certificate = await issue_certificate(either, client, "a.example")
    reply = await client.post("revoke-cert", {"certificate": certificate, "reason": 4})
    assert reply.status == 200
    assert reply.body == b""
    assert revocation_reasons(either) == [4]
    again = await client.post("revoke-cert", {"certificate": certificate})
    assert again.problem == "alreadyRevoked"
    assert again.status == 400


async def test_the_certificates_own_key_revokes(harness: ACMEHarness) -> None:
    client, key = await harness.register_client(), ec.generate_private_key(ec.SECP256R1())
    certificate = await issue_certificate(harness, client, "a.example", key=key)
    stranger = harness.client(key=key)
    asked = {"certificate": certificate, "reason": 1}
    assert (await stranger.post("revoke-cert", asked, kid=None)).status == 200
    assert revocation_reasons(harness) == [1]


@pytest.mark.parametrize("who", ["key", "account"])
async def test_a_key_is_called_compromised_after_another_reason(
    harness: ACMEHarness, who: str
) -> None:
    owner, other = await harness.register_client(), await harness.register_client()
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = await issue_certificate(harness, owner, "a.example", key=key)
    assert (await owner.post("revoke-cert", {"certificate": certificate})).status == 200
    compromised = {"certificate": certificate, "reason": 1}
    await harness.ready(other, "a.example")
    stranger = await other.post("revoke-cert", compromised)
    assert stranger.problem == "badRevocationReason"  # proved the names, cannot know of the key
    assert revocation_reasons(harness) == [0]
    if who == "key":
        reply = await harness.client(key=key).post("revoke-cert", compromised, kid=None)
    else:
        reply = await owner.post("revoke-cert", compromised)
    assert reply.status == 200
    assert revocation_reasons(harness) == [1]
    for again in (compromised, {"certificate": certificate, "reason": 4}):
        assert (await owner.post("revoke-cert", again)).problem == "alreadyRevoked"
    assert revocation_reasons(harness) == [1]


ODD_KEY = ec.generate_private_key(ec.SECP256R1())
ODD = odd_certificates(ODD_KEY, EPOCH)


@pytest.mark.attack("A21")
@pytest.mark.parametrize("what", ODD)
async def test_octets_that_are_no_certificate_of_ours_are_refused_with_words(
    harness: ACMEHarness, what: str
) -> None:
    asked = {"certificate": base64url.encode(ODD[what])}
    for client, named in (
        (await harness.register_client(), {}),
        (harness.client(key=ODD_KEY), {"kid": None}),
    ):
        reply = await client.post("revoke-cert", asked, **named)
        assert 400 <= reply.status < 500
        assert reply.problem != "serverInternal"


async def test_an_account_that_proved_every_name_revokes(either: ACMEHarness) -> None:
    owner, other = await either.register_client(), await either.register_client()
    certificate = await issue_certificate(either, owner, "a.example", "b.example")
    asked = {"certificate": certificate, "reason": 5}
    await either.ready(other, "a.example")
    assert (await other.post("revoke-cert", asked)).status == 403
    await either.ready(other, "b.example")
    compromised = await other.post("revoke-cert", {**asked, "reason": 1})
    assert compromised.problem == "badRevocationReason"
    assert revocation_reasons(either) == []
    assert (await other.post("revoke-cert", asked)).status == 200
    assert revocation_reasons(either) == [5]


@pytest.mark.attack("A21")
async def test_who_may_not_revoke(harness: ACMEHarness) -> None:
    owner, other = await harness.register_client(), await harness.register_client()
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = await issue_certificate(harness, owner, "a.example", key=key)
    asked = {"certificate": certificate}
    stranger = await other.post("revoke-cert", asked)
    assert stranger.problem == "unauthorized"
    assert stranger.status == 403
    wrong_key = harness.client()
    assert (await wrong_key.post("revoke-cert", asked, kid=None)).status == 403
    abroad = await harness.register_client("other")
    assert (await abroad.post("revoke-cert", asked)).status == 403
    assert revocation_reasons(harness) == []


@pytest.mark.attack("A21")
async def test_the_certificates_public_key_with_a_forged_signature(harness: ACMEHarness) -> None:
    client, key = await harness.register_client(), ec.generate_private_key(ec.SECP256R1())
    certificate = await issue_certificate(harness, client, "a.example", key=key)
    url = client.url("revoke-cert")
    payload = b'{"certificate":"' + certificate.encode() + b'"}'
    parts = jws.parse(jws.sign(payload, key, url=url, nonce=await client.nonce()))
    head, body = parts.signing_input.decode().split(".")
    by_another = jws.sign(payload, client.key, url=url, nonce="n")
    forged = jws.join(head, body, jws.parse(by_another).signature)
    assert (await client.send(url, forged)).problem == "malformed"
    assert revocation_reasons(harness) == []


@pytest.mark.attack("A21")
@pytest.mark.parametrize("reason", [2, 6, 7, 8, 10, 11, 99, -1])
async def test_reasons_no_client_can_give(harness: ACMEHarness, reason: int) -> None:
    client = await harness.register_client()
    certificate = await issue_certificate(harness, client, "a.example")
    reply = await client.post("revoke-cert", {"certificate": certificate, "reason": reason})
    assert reply.problem == "badRevocationReason"
    assert revocation_reasons(harness) == []


@pytest.mark.attack("A21")
async def test_a_certificate_of_another_authority_with_the_same_serial(
    harness: ACMEHarness,
) -> None:
    client = await harness.register_client()
    await issue_certificate(harness, client, "a.example")
    abroad = SmallIssuing(harness.clock)
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    (request,) = harness.issuing.requests
    twin = pb.Request()
    twin.CopyFrom(request)
    twin.public_key = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    answer = await abroad.Issue(pb.IssueRequest(requests=[twin]), None)
    foreign = base64url.encode(answer.results[0].certificate.der)
    reply = await client.post("revoke-cert", {"certificate": foreign})
    assert reply.status == 404
    for nonsense in ("", "AAAA", foreign[:-8]):
        assert (await client.post("revoke-cert", {"certificate": nonsense})).problem == "malformed"
    assert revocation_reasons(harness) == []


async def test_revoked_many_times_at_once_is_revoked_once(either: ACMEHarness) -> None:
    client = await either.register_client()
    certificate = await issue_certificate(either, client, "a.example")
    replies = await asyncio.gather(
        *[client.post("revoke-cert", {"certificate": certificate}) for _ in range(10)]
    )
    assert sorted(reply.status for reply in replies) == [200] + [400] * 9


@pytest.mark.attack("X13")
async def test_a_compromised_key_opens_no_account_and_becomes_no_accounts_key(
    harness: ACMEHarness,
) -> None:
    owner, key = await harness.register_client(), ec.generate_private_key(ec.SECP256R1())
    certificate = await issue_certificate(harness, owner, "a.example", key=key)
    asked = {"certificate": certificate, "reason": 1}
    assert (await owner.post("revoke-cert", asked)).status == 200
    refused = await harness.client(key=key).register()
    assert (refused.status, refused.problem) == (400, "badPublicKey")
    assert "compromised" in refused.json["detail"]
    inner = key_change.make_request(owner.kid, owner.url("key-change"), owner.key, key)
    changed = await owner.post("key-change", inner)
    assert (changed.status, changed.problem) == (400, "badPublicKey")
    assert (await owner.post(owner.kid)).status == 200


@pytest.mark.attack("X13")
async def test_an_account_whose_key_is_declared_compromised_later_gets_no_certificate(
    harness: ACMEHarness,
) -> None:
    client = await harness.register_client()
    order = await harness.ready(client, "a.example")
    harness.issuing.declared.add(hashlib.sha256(keys.spki(client.key.public_key())).digest())
    refused = await client.post(order["finalize"], {"csr": make_csr("a.example")})
    assert (refused.status, refused.problem) == (400, "badPublicKey")
    assert "make another account key" in refused.json["detail"]
    assert not harness.issuing.requests
    harness.issuing.declared.clear()
    assert (await client.post(order["finalize"], {"csr": make_csr("a.example")})).status == 200
