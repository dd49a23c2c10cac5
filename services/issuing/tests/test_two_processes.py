"""What one issuing process revokes or blocks holds in another at once: nothing of it is remembered."""

from collections.abc import AsyncIterator

import pytest

from fixtures.authority import CertificateAuthority
from fixtures.issuing import IssuingHarness, make_key, make_request, open_harness
from newel.proto.issuing.v1 import issuing_pb2 as pb


@pytest.fixture
async def pair(
    authority: CertificateAuthority, database_url: str
) -> AsyncIterator[tuple[IssuingHarness, IssuingHarness]]:
    here = await open_harness(database_url, authority)
    there = await open_harness(database_url, authority, clock=here.clock)
    yield here, there
    await here.database.close()
    await there.database.close()


def renewal(certificate: pb.Certificate, key: bytes) -> pb.Renewal:
    provisioner = make_request().provisioner
    return pb.Renewal(idempotency_key=key, certificate=certificate.der, provisioner=provisioner)


async def revoke(
    harness: IssuingHarness, certificate: pb.Certificate, reason: int
) -> pb.RevokeResult:
    item = pb.RevocationItem(serial=certificate.serial, active=True, actor="t", reason=reason)
    (result,) = await harness.revoke(item)
    return result


async def test_a_certificate_revoked_here_is_not_renewed_there(
    pair: tuple[IssuingHarness, IssuingHarness],
) -> None:
    here, there = pair
    certificate = await there.one()
    (before,) = await there.renew(renewal(certificate, b"renewal-1"))
    assert before.HasField("certificate")
    assert (await revoke(here, certificate, 4)).HasField("revoked_at")
    (after,) = await there.renew(renewal(certificate, b"renewal-2"))
    assert after.error.type == "unauthorized"
    assert (await revoke(there, certificate, 4)).error.type == "alreadyRevoked"


async def test_a_key_blocked_here_is_certified_nowhere(
    pair: tuple[IssuingHarness, IssuingHarness],
) -> None:
    here, there = pair
    key = make_key()
    certificate = await there.one(make_request(public_key=key))
    assert (await revoke(here, certificate, 4)).HasField("revoked_at")
    assert (await revoke(there, certificate, 1)).HasField("revoked_at")  # raised by the other one
    for harness in pair:
        (refused,) = await harness.issue(make_request(public_key=key))
        assert refused.error.type == "badPublicKey"
        assert (await revoke(harness, certificate, 1)).error.type == "alreadyRevoked"
