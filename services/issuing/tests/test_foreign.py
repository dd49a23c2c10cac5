"""Certificates that another program issued with the issuer's key: they renew, are revoked, have a status."""

import datetime as dt
import itertools
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import (
    _ASN1Type,  # pyright: ignore[reportPrivateUsage] - it alone chooses the kind of string
)
from cryptography.x509.oid import NameOID

from fixtures.authority import EPOCH, CertificateAuthority, make_authority
from fixtures.issuing import IssuingHarness, make_request
from newel.crypto import keys
from newel.issuing.app import (
    ForeignCertificate,
    ForeignRecords,
    ForeignRevocation,
    open_foreign_records,
)
from newel.proto.issuing.v1 import issuing_pb2 as pb

_NUMBERS = itertools.count(1)
HIGH = 0xF1 << 120
"""A serial number whose first octet needs a zero in front in DER, as half of all random ones do."""


def make_foreign(
    authority: CertificateAuthority, serial: int = HIGH, name: str = "host.example"
) -> bytes:
    """A certificate as Go writes one: PrintableString in its subject, two units in one relative name."""
    printable = _ASN1Type.PrintableString
    units = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, u, printable) for u in ("A", "B")]
    own = [x509.NameAttribute(NameOID.COMMON_NAME, name, printable)]
    subject = x509.Name(list(map(x509.RelativeDistinguishedName, (units, own))))
    key = authority.key.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.intermediate.subject)
        .public_key(keys.generate("P-256").public_key())
        .serial_number(serial)
        .not_valid_before(EPOCH - dt.timedelta(hours=1))
        .not_valid_after(EPOCH + dt.timedelta(hours=23))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key), critical=False)
        .sign(authority.key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def open_records(harness: IssuingHarness) -> ForeignRecords[ForeignCertificate]:
    return open_foreign_records(harness.config, harness.database, harness.clock)


def foreign(der: bytes) -> ForeignCertificate:
    return ForeignCertificate(der, "JWK", "admin", "kid")


def revocation(serial: int, reason: int = 0) -> ForeignRevocation:
    return ForeignRevocation(serial, EPOCH - dt.timedelta(minutes=5), reason, "admin", "lost")


def renewal(der: bytes) -> pb.Renewal:
    return pb.Renewal(idempotency_key=b"renewal-%04d" % next(_NUMBERS), certificate=der)


async def test_what_another_program_issued_renews_with_its_subject_unchanged(
    each_harness: IssuingHarness,
) -> None:
    der = make_foreign(each_harness.authority)
    records = open_records(each_harness)
    assert (await records.add_certificates([foreign(der)], dry_run=True)).new == 1
    (refused,) = await each_harness.renew(renewal(der))
    assert refused.error.type == "unauthorized"
    assert (await records.add_certificates([foreign(der)], dry_run=False)).new == 1
    assert (await records.add_certificates([foreign(der)], dry_run=False)).known == 1
    (result,) = await each_harness.renew(renewal(der))
    old, new = map(x509.load_der_x509_certificate, (der, result.certificate.der))
    assert new.subject.public_bytes() == old.subject.public_bytes()
    assert new.serial_number != old.serial_number


@pytest.mark.parametrize("batches", [1, 2])
async def test_of_two_certificates_with_one_serial_number_the_second_is_left_out_and_told(
    each_harness: IssuingHarness, batches: int
) -> None:
    first, second = [make_foreign(each_harness.authority, name=each) for each in ("a.x", "b.x")]
    given = [foreign(first), foreign(first), foreign(second)]
    parts = [given] if batches == 1 else [given[:1], given[1:]]
    records = open_records(each_harness)
    for dry_run in (True, False):
        tallies = [await records.add_certificates(each, dry_run=dry_run) for each in parts]
        assert [sum(each.new for each in tallies), sum(each.known for each in tallies)] == [1, 1]
        ((serial, why),) = tallies[-1].left_out
        assert serial == str(HIGH)
        assert "another certificate with this serial number" in why
        records = open_records(each_harness)
    twice = [revocation(HIGH, 4), revocation(HIGH, 0)]
    told = await records.add_revocations(twice, dry_run=False)
    assert (told.new, told.known, told.left_out) == (1, 1, [])
    answer = await each_harness.repository.GetCertificate(
        pb.GetCertificateRequest(lookups=[pb.Lookup(serial=HIGH.to_bytes(16))])
    )
    (record,) = answer.records
    assert (record.der, record.revoked.reason) == (first, 4)


async def test_it_is_listed_with_its_provisioner_and_revoked_by_its_serial(
    each_harness: IssuingHarness,
) -> None:
    der = make_foreign(each_harness.authority)
    await open_records(each_harness).add_certificates([foreign(der)], dry_run=False)
    octets = HIGH.to_bytes(16)
    for lookup in (
        pb.Lookup(serial=octets),
        pb.Lookup(serial=b"\0" + octets),
        pb.Lookup(certificate=der),
    ):
        answer = await each_harness.repository.GetCertificate(
            pb.GetCertificateRequest(lookups=[lookup])
        )
        (record,) = answer.records
        assert record.der == der
        assert (record.provisioner.type, record.provisioner.name) == ("JWK", "admin")
    (result,) = await each_harness.revoke(pb.RevocationItem(serial=octets, active=True, actor="a"))
    assert not result.HasField("error")
    (again,) = await each_harness.revoke(pb.RevocationItem(certificate=der, active=True, actor="a"))
    assert again.error.type == "alreadyRevoked"


async def test_a_revocation_stops_renewal_and_a_compromised_key_is_blocked(
    each_harness: IssuingHarness,
) -> None:
    der = make_foreign(each_harness.authority)
    records = open_records(each_harness)
    await records.add_certificates([foreign(der)], dry_run=False)
    assert (await records.add_revocations([revocation(HIGH, 1)], dry_run=True)).new == 1
    assert (await records.add_revocations([revocation(HIGH, 1)], dry_run=False)).new == 1
    assert (await records.add_revocations([revocation(HIGH, 1)], dry_run=False)).known == 1
    (refused,) = await each_harness.renew(renewal(der))
    assert refused.error.type == "unauthorized"
    key = x509.load_der_x509_certificate(der).public_key()
    (blocked,) = await each_harness.issue(make_request(public_key=_spki(key)))
    assert blocked.error.type == "badPublicKey"
    (row,) = await each_harness.rows("SELECT reason, active, revoked_at, actor FROM revocations")
    assert (row[0], bool(row[1]), row[3]) == (1, True, "import")
    assert row[2] == int(EPOCH.timestamp()) - 300


def _spki(key: object) -> bytes:
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return keys.spki(key)


async def test_a_revocation_without_its_certificate_is_the_only_issuers(
    harness: IssuingHarness,
) -> None:
    tally = await open_records(harness).add_revocations([revocation(7, 99)], dry_run=False)
    assert tally.new == 1
    (row,) = await harness.rows("SELECT issuer, reason, not_after FROM revocations")
    end = harness.authority.intermediate.not_valid_after_utc
    assert row == (harness.authority.id, 0, int(end.timestamp()))


async def test_what_is_no_serial_number_is_left_out_because_no_list_could_hold_it(
    harness: IssuingHarness,
) -> None:
    given = [revocation(0), revocation(7), revocation(1 << 160)]
    records = open_records(harness)
    tally = await records.add_revocations(given, dry_run=False)
    assert (tally.new, [name for name, _ in tally.left_out]) == (1, ["0", str(1 << 160)])
    assert await harness.rows("SELECT serial FROM revocations") == [(b"\7",)]
    assert await records.add_proofs([(0, "acme/acme/account/a")], dry_run=False) == 0


async def test_what_no_issuer_here_signed_is_left_out_with_the_reason(
    harness: IssuingHarness, tmp_path: Path
) -> None:
    own = make_foreign(harness.authority)
    (tmp_path / "other").mkdir()
    others = make_foreign(
        make_authority(tmp_path / "other"), serial=1
    )  # the same names, another key
    forged = own[:-1] + bytes([own[-1] ^ 1])
    records = open_records(harness)
    given = [foreign(each) for each in (b"", b"\x30\x00", others, forged)]
    tally = await records.add_certificates(given, dry_run=False)
    assert tally.new == 0
    assert [name for name, _ in tally.left_out] == [
        "no certificate",
        "no certificate",
        "1",
        str(HIGH),
    ]
    assert tally.left_out[2][1].endswith("which is no issuer here")
    await records.add_certificates([foreign(own)], dry_run=False)
    twin = make_foreign(harness.authority, name="twin.example")
    tally = await records.add_certificates([foreign(twin)], dry_run=False)
    assert tally.left_out == [
        (str(HIGH), "another certificate with this serial number is on record")
    ]


async def test_who_ordered_a_certificate_can_be_added(harness: IssuingHarness) -> None:
    records = open_records(harness)
    await records.add_certificates([foreign(make_foreign(harness.authority))], dry_run=False)
    proofs = [(HIGH, "acme/acme/account/a"), (8, "acme/acme/account/b")]
    assert await records.add_proofs(proofs, dry_run=True) == 1
    assert await records.add_proofs(proofs, dry_run=False) == 1
    assert await harness.rows("SELECT subject_of_proof FROM certificates") == [
        ("acme/acme/account/a",)
    ]


@pytest.mark.parametrize("size", [0, 3])
async def test_a_batch_may_have_any_size(harness: IssuingHarness, size: int) -> None:
    given = [foreign(make_foreign(harness.authority, number + 1)) for number in range(size)]
    records = open_records(harness)
    assert (await records.add_certificates(given, dry_run=False)).new == size
    assert len(await harness.rows("SELECT 1 FROM certificates")) == size
