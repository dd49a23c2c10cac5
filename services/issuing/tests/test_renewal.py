"""Renewal and rekey under today's limits."""

import datetime as dt
import itertools
from typing import Any

import pytest
from cryptography import x509

from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.issuing import IssuingHarness, make_key, make_request, open_harness, stamp
from newel.issuing.config import ProfileConfig
from newel.proto.events.v1 import events_pb2
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.step.extension import OID as STEP_EXTENSION

_NUMBERS = itertools.count(1)


def renewal(der: bytes, **fields: Any) -> pb.Renewal:
    return pb.Renewal(idempotency_key=b"renewal-%04d" % next(_NUMBERS), certificate=der, **fields)


def parse(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)


async def test_renewed_is_the_same_but_serial_and_validity(harness: IssuingHarness) -> None:
    """Compared field by field."""
    old = await harness.one(make_request("a.example", "b.example"))
    harness.clock.advance(dt.timedelta(hours=16))
    (result,) = await harness.renew(renewal(old.der))
    before, after = parse(old.der), parse(result.certificate.der)
    assert after.serial_number != before.serial_number
    assert after.subject == before.subject
    assert after.public_key() == before.public_key()
    assert list(after.extensions) == list(before.extensions)
    assert after.not_valid_before_utc == before.not_valid_before_utc + dt.timedelta(hours=16)
    assert after.not_valid_after_utc == before.not_valid_after_utc + dt.timedelta(hours=16)


async def test_ten_minutes_stay_ten_minutes(harness: IssuingHarness) -> None:
    """Compared over many renewals."""
    request = make_request(
        not_before=stamp(EPOCH - dt.timedelta(minutes=1)),
        not_after=stamp(EPOCH + dt.timedelta(minutes=10)),
    )
    der = (await harness.one(request)).der
    for _ in range(5):
        harness.clock.advance(dt.timedelta(minutes=5))
        (result,) = await harness.renew(renewal(der))
        der = result.certificate.der
        after = parse(der)
        assert after.not_valid_after_utc - after.not_valid_before_utc == dt.timedelta(minutes=11)


async def test_renewal_is_told_and_recorded(each_harness: IssuingHarness) -> None:
    old = await each_harness.one()
    (result,) = await each_harness.renew(renewal(old.der))
    *_, (subject, payload) = await each_harness.rows(
        "SELECT subject, payload FROM outbox ORDER BY id"
    )
    event = events_pb2.CertificateIssued.FromString(payload)
    assert subject == "newel.certificate.renewed.v1"
    assert (event.serial, event.renewed_from) == (result.certificate.serial, old.serial)


@pytest.mark.parametrize("revoked", [True, False])
async def test_a_new_certificate_continues_the_lineage_of_one_that_may_be_revoked(
    each_harness: IssuingHarness, revoked: bool
) -> None:
    old = await each_harness.one()
    if revoked:
        await each_harness.revoke(pb.RevocationItem(serial=old.serial, active=True, actor="t"))
    new = await each_harness.one(make_request(replaces=old.serial))
    *_, (subject, payload) = await each_harness.rows(
        "SELECT subject, payload FROM outbox ORDER BY id"
    )
    event = events_pb2.CertificateIssued.FromString(payload)
    assert subject == "newel.certificate.renewed.v1"
    assert (event.serial, event.renewed_from) == (new.serial, old.serial)


async def test_a_predecessor_that_is_no_serial_number_is_refused(harness: IssuingHarness) -> None:
    (result,) = await harness.issue(make_request(replaces=b"\x01" * 21))
    assert result.error.type == "malformed"


async def test_rekey_takes_the_new_key(harness: IssuingHarness) -> None:
    old, key = await harness.one(), make_key()
    (result,) = await harness.renew(renewal(old.der, public_key=key))
    after = parse(result.certificate.der)
    assert after.subject == parse(old.der).subject
    assert key in result.certificate.der
    identifier = after.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert identifier == x509.SubjectKeyIdentifier.from_public_key(after.public_key())  # pyright: ignore[reportArgumentType]


@pytest.mark.attack("A09")
async def test_rekey_checks_the_key(harness: IssuingHarness) -> None:
    old = await harness.one()
    (result,) = await harness.renew(renewal(old.der, public_key=b"\x30\x03\x02\x01\x01"))
    assert result.error.type == "badPublicKey"


@pytest.mark.parametrize("active", [True, False])
async def test_revoked_is_not_renewed(each_harness: IssuingHarness, active: bool) -> None:
    """Actively or passively."""
    old = await each_harness.one()
    await each_harness.revoke(pb.RevocationItem(serial=old.serial, active=active, actor="t"))
    (result,) = await each_harness.renew(renewal(old.der))
    assert result.error.type == "unauthorized"
    assert len(each_harness.signer.signed) == 1


async def test_compromised_key_is_not_certified_again(each_harness: IssuingHarness) -> None:
    key = make_key()
    old = await each_harness.one(make_request(public_key=key))
    other = await each_harness.one()
    await each_harness.revoke(
        pb.RevocationItem(serial=old.serial, reason=1, active=True, actor="t")
    )
    (again,) = await each_harness.issue(make_request(public_key=key))
    (rekeyed,) = await each_harness.renew(renewal(other.der, public_key=key))
    assert again.error.type == rekeyed.error.type == "badPublicKey"


async def test_expired_is_renewed_only_with_leave(harness: IssuingHarness) -> None:
    """The provisioner's claim allowRenewalAfterExpiry."""
    old = await harness.one()
    harness.clock.advance(dt.timedelta(hours=25))
    (refused,) = await harness.renew(renewal(old.der))
    assert refused.error.type == "unauthorized"
    assert "certificate expired on 2026-11-22T11:59:59Z" in refused.error.detail
    (allowed,) = await harness.renew(renewal(old.der, allow_expired=True))
    assert allowed.HasField("certificate")


async def test_not_yet_valid_is_not_renewed(harness: IssuingHarness) -> None:
    start = EPOCH + dt.timedelta(hours=1)
    old = await harness.one(make_request(not_before=stamp(start)))
    (result,) = await harness.renew(renewal(old.der))
    assert result.error.type == "unauthorized"


@pytest.mark.attack("A21")
async def test_only_the_recorded_octets_are_renewed(harness: IssuingHarness) -> None:
    """A certificate with the serial of another, or a byte changed, proves nothing."""
    old = await harness.one()
    forged = bytearray(old.der)
    forged[-1] ^= 1
    results = await harness.renew(renewal(bytes(forged)), renewal(b"\x30\x00"), renewal(b""))
    assert {result.error.type for result in results} == {"unauthorized"}


async def test_todays_limit_holds(harness: IssuingHarness) -> None:
    end = stamp(EPOCH + dt.timedelta(days=30))
    old = await harness.one(make_request(not_after=end))
    (result,) = await harness.renew(renewal(old.der, max_duration_seconds=86400))
    after = parse(result.certificate.der)
    assert after.not_valid_after_utc == EPOCH + dt.timedelta(days=1)


async def test_renewal_is_idempotent(each_harness: IssuingHarness) -> None:
    old = await each_harness.one()
    again = renewal(old.der)
    (first,), (second,) = await each_harness.renew(again), await each_harness.renew(again)
    assert first.certificate.der == second.certificate.der
    assert len(each_harness.signer.signed) == 2


@pytest.mark.attack("T16")
async def test_a_renewal_loses_the_extensions_that_the_profile_lost(
    authority: CertificateAuthority, database_url: str
) -> None:
    oid = "1.2.3.4.5"
    allowing = {"leaf": ProfileConfig(caller_extensions=(oid,))}
    wanted = pb.Extension(oid=oid, value=b"\x05\x00")
    before = await open_harness(database_url, authority, profiles=allowing)
    old = await before.one(make_request("a.example", extensions=[wanted]))
    (kept,) = await before.renew(renewal(old.der))
    after = await open_harness(database_url, authority, profiles={"leaf": ProfileConfig()})
    (lost,) = await after.renew(renewal(kept.certificate.der))
    plain = {"leaf": ProfileConfig(provisioner_extension=False)}
    bare = await open_harness(database_url, authority, profiles=plain)
    (anonymous,) = await bare.renew(renewal(lost.certificate.der))

    def oids(der: bytes) -> set[str]:
        return {each.oid.dotted_string for each in parse(der).extensions}

    assert oids(kept.certificate.der) == oids(old.der)
    assert oids(old.der) - oids(lost.certificate.der) == {oid}
    assert oids(lost.certificate.der) - oids(anonymous.certificate.der) == {STEP_EXTENSION}
    for harness in (before, after, bare):
        await harness.database.close()
