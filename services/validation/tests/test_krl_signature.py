"""The signature of the key revocation list: beside every list, by the SSH CA's key, and never of another list."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.validation import ValidationHarness, open_harness
from newel.crypto import keys
from newel.crypto.ssh import detached, krl
from newel.crypto.ssh.public_keys import wire_of
from newel.proto.issuing.v1 import issuing_pb2
from newel.runtime.errors import NewelError

CA = keys.generate()
SIGNED: dict[str, Any] = {"ssh": {"krl_key": "ssh-user"}}


@pytest.fixture
async def process(tmp_path: Path, database_url: str) -> AsyncIterator[ValidationHarness]:
    """One process that has its lists signed, on each database in turn."""
    opened = await open_harness(tmp_path, database_url, **SIGNED)
    opened.signer.keys["ssh-user"] = CA
    opened.lists.ssh_issuers = [issuing_pb2.SSHIssuer(id="user", public_key=wire_of(CA))]
    yield opened
    await opened.close()


async def verify(harness: ValidationHarness) -> int:
    """The version of the list that is served, whose signature is served beside it."""
    listed = (await harness.get("/ssh/krl")).body
    for path in ("/ssh/krl.sig", "/1.0/ssh/krl.sig", "/krl.sig"):
        signature = await harness.get(path)
        assert signature.status == 200
        detached.verify(signature.body, detached.KRL_NAMESPACE, listed, [wire_of(CA)])
    return krl.parse(listed).version


async def test_every_list_has_its_own_signature(process: ValidationHarness) -> None:
    assert (await process.get("/ssh/krl.sig")).status == 503
    await process.parts.maintenance.compare_ssh()
    first = await verify(process)
    process.lists.ssh_revoked = [
        issuing_pb2.Revoked(position=1, serial=bytes(7) + b"\7", issuer="user", active=True)
    ]
    process.lists.ssh_revoked[0].not_after.FromDatetime(process.clock.now().replace(year=2030))
    await process.parts.maintenance.compare_ssh()
    assert await verify(process) > first
    tag = (await process.get("/ssh/krl.sig")).headers[b"etag"]
    assert (await process.get("/ssh/krl.sig", (b"if-none-match", tag))).status == 304


async def test_a_list_that_cannot_be_signed_waits(process: ValidationHarness) -> None:
    """The one before stays, which hosts accept; the next turn makes a new one."""
    process.signer.away = True
    with pytest.raises(NewelError, match="token is gone"):
        await process.parts.maintenance.compare_ssh()
    await process.parts.krl.cache.poll()
    assert (await process.get("/ssh/krl")).status == 503
    process.signer.away = False
    await process.parts.krl.publisher.publish_due()
    assert await verify(process)


async def test_a_list_from_before_signatures_is_made_again(
    tmp_path: Path, database_url: str
) -> None:
    plain = await open_harness(tmp_path / "plain", database_url)
    plain.lists.ssh_issuers = [issuing_pb2.SSHIssuer(id="user", public_key=wire_of(CA))]
    await plain.parts.maintenance.compare_ssh()
    assert (await plain.get("/ssh/krl")).status == 200
    missing = await plain.get("/ssh/krl.sig")
    assert (missing.status, b"ssh.krl_key" in missing.body) == (404, True)
    plain.signer.keys["ssh-user"] = CA
    signed = await open_harness(tmp_path / "signed", database_url, beside=plain, **SIGNED)
    await signed.parts.krl.cache.poll()
    assert (await signed.get("/ssh/krl.sig")).status == 503
    await signed.parts.krl.publisher.publish_due()
    assert await verify(signed)
    await plain.close()
    await signed.close()


async def test_without_a_ca_for_ssh_there_is_no_signature(process: ValidationHarness) -> None:
    process.lists.ssh_issuers = []
    await process.parts.maintenance.compare_ssh()
    await process.parts.krl.cache.poll()
    reply = await process.get("/ssh/krl.sig")
    assert (reply.status, b"no CA for SSH" in reply.body) == (404, True)


async def test_another_key_signs_at_once_and_nothing_is_signed_again_without_need(
    process: ValidationHarness,
) -> None:
    """Hosts accept the keys of today's CAs alone: a list by the former one would be refused for an hour."""
    publisher, other = process.parts.krl.publisher, keys.generate()
    await process.parts.maintenance.compare_ssh()
    first = await verify(process)
    await publisher.publish_due()
    assert await verify(process) == first
    process.signer.keys["ssh-user"] = other
    process.lists.ssh_issuers = [issuing_pb2.SSHIssuer(id="next", public_key=wire_of(other))]
    await process.parts.maintenance.compare_ssh()
    listed = (await process.get("/ssh/krl")).body
    signature = (await process.get("/ssh/krl.sig")).body
    assert detached.verify(signature, detached.KRL_NAMESPACE, listed, [wire_of(other)])
    await publisher.publish_due()
    assert (await process.get("/ssh/krl")).body == listed


async def test_a_start_with_the_name_of_another_key_signs_the_list_again(
    tmp_path: Path, database_url: str
) -> None:
    first = await open_harness(tmp_path / "first", database_url, **SIGNED)
    first.signer.keys["ssh-user"] = keys.generate()
    first.lists.ssh_issuers = [issuing_pb2.SSHIssuer(id="user", public_key=wire_of(CA))]
    await first.parts.maintenance.compare_ssh()
    first.signer.keys["ssh-next"] = CA
    settings: dict[str, Any] = {"ssh": {"krl_key": "ssh-next"}}
    second = await open_harness(tmp_path / "second", database_url, beside=first, **settings)
    await second.parts.maintenance.compare_ssh()
    await verify(second)
    await first.close()
    await second.close()
