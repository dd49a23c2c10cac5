"""SSH certificates that another program issued with the same keys: they are found, renewed and revoked."""

import datetime as dt
from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    SSHCertificateBuilder,
    SSHCertificateType,
)

from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.issuing import IssuingHarness, make_ssh_request, open_harness
from newel.crypto import keys
from newel.crypto.ssh import certificates
from newel.crypto.ssh.public_keys import read_line
from newel.issuing.app import (
    ForeignRecords,
    ForeignRevocation,
    ForeignSSHCertificate,
    open_foreign_ssh_records,
)
from newel.issuing.config import SSHIssuerConfig
from newel.proto.issuing.v1 import issuing_pb2 as pb

HIGH = 1 << 63
"""The highest bit of a serial number of SSH is no sign."""
ISSUERS = (
    SSHIssuerConfig(key="ssh-user", type="user"),
    SSHIssuerConfig(key="ssh-host", type="host"),
)


@pytest.fixture
async def ssh(authority: CertificateAuthority, database_url: str) -> AsyncIterator[IssuingHarness]:
    """One process with SSH keys, on each database in turn."""
    opened = await open_harness(database_url, authority, ssh_issuers=ISSUERS)
    yield opened
    await opened.database.close()


async def open_records(harness: IssuingHarness) -> ForeignRecords[ForeignSSHCertificate]:
    public = {name: key.public_key() for name, key in harness.signer.ssh_keys.items()}
    return await open_foreign_ssh_records(harness.config, public, harness.database, harness.clock)


def make_foreign(
    harness: IssuingHarness,
    kind: str = "user",
    serial: int = HIGH,
    key: str = "",
    end: int = int((EPOCH + dt.timedelta(hours=1)).timestamp()),
) -> bytes:
    """A certificate in wire form, as the library writes one."""
    public, own = keys.generate().public_key(), harness.signer.ssh_keys[key or f"ssh-{kind}"]
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert isinstance(own, ec.EllipticCurvePrivateKey)
    built = (
        SSHCertificateBuilder()
        .public_key(public)
        .serial(serial)
        .type(SSHCertificateType[kind.upper()])
        .key_id(b"alice")
        .valid_principals([b"alice"])
        .valid_after(int(EPOCH.timestamp()) - 60)
        .valid_before(end)
    )
    return read_line(built.sign(own).public_bytes()).wire


def revocation(serial: int, reason: int = 0) -> ForeignRevocation:
    return ForeignRevocation(serial, EPOCH - dt.timedelta(minutes=5), reason, "admin", "lost")


async def test_what_another_program_issued_is_on_record_as_it_was_signed(
    ssh: IssuingHarness,
) -> None:
    records = await open_records(ssh)
    host, user = make_foreign(ssh, "host", 7), make_foreign(ssh)
    given = [ForeignSSHCertificate(each) for each in (host, user)]
    assert (await records.add_certificates(given, dry_run=True)).new == 2
    assert await ssh.rows("SELECT * FROM ssh_certificates") == []
    assert (await records.add_certificates(given, dry_run=False)).new == 2
    assert (await records.add_certificates(given, dry_run=False)).known == 2
    for number, wire in ((7, host), (HIGH, user)):
        lookup = pb.Lookup(serial=number.to_bytes(8))
        answer = await ssh.repository.GetSSHCertificate(pb.GetCertificateRequest(lookups=[lookup]))
        (record,) = answer.records
        assert record.der == wire
    renewed = await ssh.one_ssh(make_ssh_request(renewed_from=HIGH.to_bytes(8)))
    assert renewed.serial != HIGH.to_bytes(8)


async def test_a_revoked_one_does_not_renew_and_a_compromised_key_is_blocked(
    ssh: IssuingHarness,
) -> None:
    records = await open_records(ssh)
    wire = make_foreign(ssh)
    await records.add_certificates([ForeignSSHCertificate(wire)], dry_run=False)
    assert (await records.add_revocations([revocation(HIGH, 1)], dry_run=False)).new == 1
    assert (await records.add_revocations([revocation(HIGH, 1)], dry_run=False)).known == 1
    (refused,) = await ssh.issue_ssh(make_ssh_request(renewed_from=HIGH.to_bytes(8)))
    assert refused.error.type == "unauthorized"
    key = certificates.parse(wire).public_key
    (blocked,) = await ssh.issue_ssh(make_ssh_request(public_key=key))
    assert blocked.error.type == "badPublicKey"
    pages = ssh.repository.ListSSHRevoked(pb.ListRequest(page=10))
    listed = [each.serial async for page in pages for each in page.revocations]
    assert listed == [HIGH.to_bytes(8)]


@pytest.mark.parametrize(
    "end", [certificates.FOREVER, certificates.LATEST, certificates.LATEST + 1]
)
async def test_one_without_an_end_is_on_record_and_is_revoked(
    ssh: IssuingHarness, end: int
) -> None:
    records = await open_records(ssh)
    given = [ForeignSSHCertificate(make_foreign(ssh, "host", end=end))]
    assert (await records.add_certificates(given, dry_run=False)).left_out == []
    assert (await records.add_revocations([revocation(HIGH)], dry_run=False)).left_out == []
    pages = ssh.repository.ListSSHRevoked(pb.ListRequest(page=10))
    listed = [each.serial async for page in pages for each in page.revocations]
    assert listed == [HIGH.to_bytes(8)]


async def test_a_dry_run_counts_the_revocations_of_what_it_counted(ssh: IssuingHarness) -> None:
    records = await open_records(ssh)
    given = [ForeignSSHCertificate(make_foreign(ssh))]
    await records.add_certificates(given, dry_run=True)
    tally = await records.add_revocations([revocation(HIGH), revocation(7)], dry_run=True)
    assert tally.new == 1
    assert tally.left_out == [("7", "its certificate is not on record")]


async def test_what_this_authority_did_not_sign_is_left_out_with_the_reason(
    ssh: IssuingHarness,
) -> None:
    good = make_foreign(ssh)
    other = make_foreign(ssh, key="ssh-host")
    ssh.signer.ssh_keys["stranger"] = keys.generate()
    stranger = make_foreign(ssh, key="stranger")
    del ssh.signer.ssh_keys["stranger"]
    given = [
        other,
        stranger,
        good[:-1] + bytes([good[-1] ^ 1]),
        b"nothing",
        make_foreign(ssh, serial=0),
    ]
    tally = await (await open_records(ssh)).add_certificates(
        [ForeignSSHCertificate(each) for each in given], dry_run=False
    )
    assert tally.new == 0
    reasons = [why for _, why in tally.left_out]
    for reason, words in zip(
        reasons,
        (
            "a certificate of a user by the key for a host",
            "which is no SSH key here",
            "the signature does not verify",
            "",
            "0 is no serial number of an SSH certificate",
        ),
        strict=True,
    ):
        assert words in reason
    assert tally.left_out[3][0] == "no certificate"
    assert await ssh.rows("SELECT * FROM ssh_certificates") == []
