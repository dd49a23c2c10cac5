"""A key that is declared compromised by itself: nothing is issued on it, whether or not it has a certificate."""

import asyncio
import datetime as dt
import hashlib
from collections.abc import AsyncIterator

import grpc
import pytest

from fixtures.authority import CertificateAuthority
from fixtures.issuing import IssuingHarness, make_request, make_ssh_request, open_harness
from newel.crypto import keys
from newel.crypto.ssh.public_keys import wire_of
from newel.issuing.config import SSHIssuerConfig
from newel.proto.issuing.v1 import issuing_pb2 as pb


@pytest.fixture
async def each(authority: CertificateAuthority, database_url: str) -> AsyncIterator[IssuingHarness]:
    """One process with SSH keys, on each database in turn, which looks at blocked keys all the time."""
    issuers = (SSHIssuerConfig(key="ssh-user", type="user"),)
    opened = await open_harness(
        database_url,
        authority,
        ssh_issuers=issuers,
        compromised_keys_every=dt.timedelta(milliseconds=10),
    )
    yield opened
    await opened.database.close()


def block(key: bytes, *, active: bool = True, text: str = "found in a repository") -> pb.KeyBlock:
    digest = hashlib.sha256(key).digest()
    return pb.KeyBlock(
        key_digest=digest, reason_text=text, active=active, actor="administrator:ada"
    )


async def declare(harness: IssuingHarness, *keys: pb.KeyBlock) -> list[bool]:
    answer = await harness.revocation.BlockKeys(pb.BlockKeysRequest(keys=keys))
    return list(answer.blocked)


@pytest.mark.attack("X13")
async def test_a_key_without_a_certificate_is_certified_on_no_path(each: IssuingHarness) -> None:
    public = keys.generate("P-256").public_key()
    spki, other = keys.spki(public), await each.one()
    assert await declare(each, block(spki), block(spki)) == [True, False]

    lookup = pb.Lookup(serial=other.serial)
    found = await each.repository.GetCertificate(pb.GetCertificateRequest(lookups=[lookup]))
    rekey = pb.Renewal(
        idempotency_key=b"rekey-to-a-blocked-key",
        certificate=found.records[0].der,
        public_key=spki,
        provisioner=make_request().provisioner,
    )
    refused = {
        "request": (await each.issue(make_request(public_key=spki)))[0],
        "rekey": (await each.renew(rekey))[0],
        "ssh": (await each.issue_ssh(make_ssh_request(public_key=wire_of(public))))[0],
    }
    assert {path: result.error.type for path, result in refused.items()} == dict.fromkeys(
        refused, "badPublicKey"
    )
    digest = hashlib.sha256(spki).digest()
    answer = await each.repository.FindBlockedKeys(pb.FindBlockedKeysRequest(key_digests=[digest]))
    assert list(answer.blocked) == [True]
    lines = [facts for event, _, facts in each.audit.lines if event == "block-key"]
    assert [(line["key_digest"], line["blocked_before"]) for line in lines] == [
        (digest.hex(), False),
        (digest.hex(), True),
    ]
    assert {line["actor"] for line in lines} == {"administrator:ada"}


async def test_what_is_on_the_key_can_be_renewed_no_more_and_is_revoked(
    each: IssuingHarness,
) -> None:
    public = keys.generate("P-256").public_key()
    spki = keys.spki(public)
    issued = await each.one(make_request(public_key=spki))
    on_ssh = await each.one_ssh(make_ssh_request(public_key=wire_of(public)))
    assert await declare(each, block(spki, active=False), block(spki)) == [True, True]
    renewal = pb.Renewal(
        idempotency_key=b"renewal-on-a-blocked-key",
        certificate=issued.der,
        provisioner=make_request().provisioner,
    )
    (refused,) = await each.renew(renewal)
    assert refused.error.type == "badPublicKey"
    task = asyncio.ensure_future(each.service.tasks["compromised-keys"]())  # noqa: TID251 - a test may
    query = "SELECT serial, reason, active, reason_text FROM {}revocations"
    while not (ssh := await each.rows(query.format("ssh_"))):
        await asyncio.sleep(0.01)
    ((serial, reason, active, text),) = await each.rows(query.format(""))
    assert (serial, reason, bool(active)) == (issued.serial, 1, True)
    assert "found in a repository" in text
    assert [(row[0], row[1]) for row in ssh] == [(on_ssh.serial, 1)]
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize("digest", [b"", b"\1" * 31, b"\1" * 33])
async def test_what_is_no_digest_blocks_nothing(harness: IssuingHarness, digest: bytes) -> None:
    good = block(b"a key")
    bad = pb.KeyBlock(key_digest=digest, active=True, actor="administrator:ada")
    with pytest.raises(grpc.RpcError):
        await declare(harness, good, bad)
    assert await harness.rows("SELECT 1 FROM blocked_keys") == []


async def test_the_text_of_a_declaration_is_stored_as_far_as_it_can_be(
    harness: IssuingHarness,
) -> None:
    assert await declare(harness, block(b"a key", text="a\0b" + "x" * 5000)) == [True]
    ((cause,),) = await harness.rows("SELECT cause FROM blocked_keys")
    assert cause.startswith("declared compromised: a\N{REPLACEMENT CHARACTER}bxxx")
    assert len(cause) < 1100
