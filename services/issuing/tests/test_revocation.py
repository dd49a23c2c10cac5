"""Revocation: once, with its event, and shown to whom it concerns."""

import asyncio
import datetime as dt

import pytest

from fixtures.authority import EPOCH
from fixtures.issuing import IssuingHarness, make_key, make_request
from newel.proto.events.v1 import events_pb2
from newel.proto.issuing.v1 import issuing_pb2 as pb


def item(serial: bytes, **fields: object) -> pb.RevocationItem:
    given = {"active": True, "actor": "token:admin", **fields}
    return pb.RevocationItem(serial=serial, **given)  # pyright: ignore[reportArgumentType]


async def list_revoked(harness: IssuingHarness, after: int = 0) -> list[pb.Revoked]:
    pages = harness.repository.ListRevoked(pb.ListRequest(after=after, page=2))
    return [each async for page in pages for each in page.revocations]


async def test_revocation_is_recorded_told_and_listed(harness: IssuingHarness) -> None:
    certificate = await harness.one()
    harness.clock.advance(dt.timedelta(minutes=1))
    (result,) = await harness.revoke(item(certificate.serial, reason=4))
    assert result.revoked_at.seconds == int(EPOCH.timestamp()) + 60
    *_, (subject, payload) = await harness.rows("SELECT subject, payload FROM outbox ORDER BY id")
    event = events_pb2.CertificateRevoked.FromString(payload)
    assert subject == "newel.certificate.revoked.v1"
    assert (event.serial, event.reason, event.active) == (certificate.serial, 4, True)
    (revoked,) = await list_revoked(harness)
    assert (revoked.serial, revoked.reason, revoked.issuer) == (
        certificate.serial,
        4,
        certificate.issuer,
    )
    assert revoked.not_after == event.not_after


@pytest.mark.attack("A21")
async def test_fifty_at_once_revoke_once(each_harness: IssuingHarness) -> None:
    certificate = await each_harness.one()
    results = await asyncio.gather(
        *[each_harness.revoke(item(certificate.serial)) for _ in range(50)]
    )
    outcomes = [result.WhichOneof("outcome") for (result,) in results]
    assert outcomes.count("revoked_at") == 1
    assert {r.error.type for (r,) in results if r.HasField("error")} == {"alreadyRevoked"}
    assert len(await each_harness.rows("SELECT 1 FROM outbox")) == 2


async def test_no_character_of_its_reason_keeps_a_certificate_from_being_revoked(
    each_harness: IssuingHarness,
) -> None:
    certificate = await each_harness.one()
    (result,) = await each_harness.revoke(
        item(certificate.serial, reason_text="stolen\0 \u202e\ud7ff")
    )
    assert result.WhichOneof("outcome") == "revoked_at"


async def test_a_proof_that_cannot_be_stored_is_malformed(each_harness: IssuingHarness) -> None:
    """A subject that is too long for a common name goes nowhere else, so that nothing else looks at it."""
    request = make_request()
    request.subject_of_proof = "a" * 70 + "\0"
    refused, issued = await each_harness.issue(request, make_request())
    assert refused.error.type == "malformed"
    assert issued.certificate.der


@pytest.mark.attack("A21")
@pytest.mark.parametrize("reason", [7, 8, 11, 99, -1])
async def test_reasons_are_those_of_the_rfc(harness: IssuingHarness, reason: int) -> None:
    """RFC 5280 §5.3.1."""
    certificate = await harness.one()
    (result,) = await harness.revoke(item(certificate.serial, reason=reason))
    assert result.error.type == "badRevocationReason"
    assert await list_revoked(harness) == []


@pytest.mark.attack("A21")
async def test_only_own_certificates_are_revoked(harness: IssuingHarness) -> None:
    """A certificate of another issuer with the same serial, or one byte changed, is not ours."""
    certificate = await harness.one()
    forged = bytearray(certificate.der)
    forged[-1] ^= 1
    results = await harness.revoke(
        pb.RevocationItem(certificate=bytes(forged), active=True),
        pb.RevocationItem(certificate=b"\x30\x00", active=True),
        item(b"\x01\x02\x03"),
    )
    assert {result.error.type for result in results} == {"notFound"}
    assert await list_revoked(harness) == []
    (good,) = await harness.revoke(pb.RevocationItem(certificate=certificate.der, active=True))
    assert good.HasField("revoked_at")


async def test_passive_becomes_active_but_not_back(each_harness: IssuingHarness) -> None:
    """A passive revocation publishes nothing; the active one has a position of its own."""
    certificate = await each_harness.one()
    (passive,) = await each_harness.revoke(item(certificate.serial, active=False))
    assert passive.HasField("revoked_at")
    each_harness.clock.advance(dt.timedelta(minutes=1))
    (first,) = await list_revoked(each_harness)
    assert not first.active
    (active,) = await each_harness.revoke(item(certificate.serial))
    assert active.HasField("revoked_at")
    each_harness.clock.advance(dt.timedelta(minutes=1))
    (second,) = await list_revoked(each_harness, after=first.position)
    assert second.active
    (back,) = await each_harness.revoke(item(certificate.serial, active=False))
    assert back.error.type == "alreadyRevoked"


async def test_a_key_can_be_called_compromised_after_another_reason(
    each_harness: IssuingHarness,
) -> None:
    harness, key = each_harness, make_key()
    certificate = await harness.one(make_request(public_key=key))
    await harness.revoke(item(certificate.serial, reason=4))
    harness.clock.advance(dt.timedelta(minutes=10))
    (first,) = await list_revoked(harness)
    for reason in (0, 4, 5):
        (again,) = await harness.revoke(item(certificate.serial, reason=reason))
        assert again.error.type == "alreadyRevoked"
    (raised,) = await harness.revoke(item(certificate.serial, reason=1))
    assert raised.HasField("revoked_at"), raised
    harness.clock.advance(dt.timedelta(minutes=10))
    (second,) = await list_revoked(
        harness, after=first.position
    )  # past the first, so that its readers see it
    assert (second.serial, second.reason, second.active) == (certificate.serial, 1, True)
    assert second.revoked_at == first.revoked_at  # what was told of its date stays true
    *_, (payload,) = await harness.rows("SELECT payload FROM outbox ORDER BY id")
    assert events_pb2.CertificateRevoked.FromString(payload).reason == 1
    (blocked,) = await harness.issue(make_request(public_key=key))
    assert blocked.error.type == "badPublicKey"
    for reason in (0, 1, 4):
        (back,) = await harness.revoke(item(certificate.serial, reason=reason))
        assert back.error.type == "alreadyRevoked"
    assert [each.reason for each in await list_revoked(harness)] == [1]


@pytest.mark.parametrize(
    ("before", "asked", "after"),
    [
        ((0, False), (1, False), (1, False)),
        ((0, False), (1, True), (1, True)),
        ((1, False), (0, True), (1, True)),  # becoming active does not lower the reason
        ((0, True), (1, False), (1, True)),  # a raised reason does not hide what was shown
        ((6, True), (1, True), (1, True)),
    ],
)
async def test_reason_and_publication_only_ever_grow(
    harness: IssuingHarness,
    before: tuple[int, bool],
    asked: tuple[int, bool],
    after: tuple[int, bool],
) -> None:
    certificate = await harness.one()
    for reason, active in (before, asked):
        (result,) = await harness.revoke(item(certificate.serial, reason=reason, active=active))
        assert result.HasField("revoked_at"), result
    harness.clock.advance(dt.timedelta(minutes=1))
    (only,) = await list_revoked(harness)
    assert (only.reason, only.active) == after


@pytest.mark.attack("A21")
async def test_of_many_raising_the_reason_at_once_one_does(each_harness: IssuingHarness) -> None:
    certificate = await each_harness.one()
    await each_harness.revoke(item(certificate.serial))
    results = await asyncio.gather(
        *[each_harness.revoke(item(certificate.serial, reason=1)) for _ in range(20)]
    )
    outcomes = [result.WhichOneof("outcome") for (result,) in results]
    assert outcomes.count("revoked_at") == 1
    assert {r.error.type for (r,) in results if r.HasField("error")} == {"alreadyRevoked"}


async def test_every_decision_is_audited(harness: IssuingHarness) -> None:
    certificate = await harness.one()
    await harness.revoke(item(certificate.serial), item(certificate.serial))
    assert harness.audit.outcomes("revoke") == ["granted", "refused"]
    assert harness.audit.lines[-1][2]["cause"]


async def test_pages_follow_the_positions(harness: IssuingHarness) -> None:
    certificates = [await harness.one() for _ in range(5)]
    await harness.revoke(*[item(each.serial) for each in certificates])
    revoked = await list_revoked(harness)
    assert [each.serial for each in revoked] == [each.serial for each in certificates]
    assert await list_revoked(harness, after=revoked[2].position) == revoked[3:]


async def test_what_was_revoked_while_the_clock_ran_ahead_hides_nothing_behind_it(
    harness: IssuingHarness,
) -> None:
    first, second = await harness.one(), await harness.one()
    harness.clock.advance(dt.timedelta(hours=1))
    await harness.revoke(item(first.serial))
    harness.clock.advance(-dt.timedelta(hours=1))
    await harness.revoke(item(second.serial))
    assert [each.serial for each in await list_revoked(harness)] == [first.serial, second.serial]


async def test_while_the_audit_trail_is_full_nothing_is_issued_and_revocations_go_on(
    harness: IssuingHarness,
) -> None:
    certificate = await harness.one()
    request = make_request()
    harness.audit.full = True
    (refused,) = await harness.issue(request)
    assert (refused.error.type, await harness.rows("SELECT count(*) FROM certificates")) == (
        "unavailable",
        [(1,)],
    )
    (revoked,) = await harness.revoke(item(certificate.serial))
    assert not revoked.HasField("error")
    harness.audit.full = False
    assert await harness.one(request)
