"""SSH certificates: the nine steps, the rules, and one certificate for one request."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import SSHCertificate, load_ssh_public_identity

from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.issuing import IssuingHarness, make_ssh_request, open_harness, stamp
from newel.crypto import keys
from newel.crypto.ssh import certificates
from newel.crypto.ssh.public_keys import wire_of, write_line
from newel.issuing.config import SSHIssuerConfig
from newel.issuing.ssh.building import SSHBuilder
from newel.proto.events.v1 import events_pb2
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.runtime.entropy import random_bytes

HOUR = dt.timedelta(hours=1)
HOST = pb.SSH_CERTIFICATE_TYPE_HOST
SETTINGS: dict[str, Any] = {
    "ssh_issuers": (
        SSHIssuerConfig(key="ssh-user", type="user", max_validity=24 * HOUR),
        SSHIssuerConfig(key="ssh-host", type="host"),
    )
}


@pytest.fixture
async def ssh(authority: CertificateAuthority, database_url: str) -> AsyncIterator[IssuingHarness]:
    """One process with SSH keys, on each database in turn."""
    opened = await open_harness(database_url, authority, **SETTINGS)
    yield opened
    await opened.database.close()


async def test_a_certificate_says_what_was_asked_for_and_the_library_verifies_it(
    ssh: IssuingHarness,
) -> None:
    options = [pb.SSHOption(name="force-command", value="/bin/true")]
    issued = await ssh.one_ssh(make_ssh_request(critical_options=options))
    identity = load_ssh_public_identity(write_line(issued.der))
    assert isinstance(identity, SSHCertificate)
    identity.verify_cert_signature()
    assert identity.signature_key() == ssh.signer.ssh_keys["ssh-user"].public_key()
    parsed = certificates.parse(issued.der)
    assert (parsed.kind, parsed.key_id, parsed.principals) == (
        "user",
        "alice@example.com",
        ["alice"],
    )
    assert parsed.critical_options == {"force-command": "/bin/true"}
    assert parsed.extensions == {"permit-pty": ""}
    assert parsed.serial == int.from_bytes(issued.serial)
    assert len(issued.serial) == 8


def test_a_serial_number_is_64_random_bits_and_never_none() -> None:
    """What is drawn is the number, whatever the time; ssh-keygen writes 0 for a certificate without one."""
    drawn = iter([bytes(8), bytes.fromhex("fedcba9876543210")])
    sizes: list[int] = []

    def draw(size: int) -> bytes:
        sizes.append(size)
        return next(drawn)

    builder = SSHBuilder(draw)
    assert [int.from_bytes(builder.draw_serial(at)) for at in (0, 1e12)] == [1, 0xFEDCBA9876543210]
    assert sizes == [8, 8]
    real = SSHBuilder(random_bytes)
    numbers = [int.from_bytes(real.draw_serial(0)) for _ in range(128)]
    seen, always = 0, (1 << 64) - 1
    for number in numbers:
        seen, always = seen | number, always & number
    assert (seen, always) == ((1 << 64) - 1, 0), "no bit is fixed"


async def test_users_and_hosts_have_issuers_of_their_own(ssh: IssuingHarness) -> None:
    user = await ssh.one_ssh()
    host = await ssh.one_ssh(make_ssh_request(type=HOST, principals=["a.example"], extensions=[]))
    assert user.issuer != host.issuer
    listed = (await ssh.repository.ListSSHIssuers(pb.ListIssuersRequest())).issuers
    assert [(each.id, each.key) for each in listed] == [
        (user.issuer, "ssh-user"),
        (host.issuer, "ssh-host"),
    ]
    own = ssh.signer.ssh_keys["ssh-host"].public_key()
    assert listed[1].public_key == wire_of(own)


async def test_one_key_gives_one_certificate_however_often_it_is_used(ssh: IssuingHarness) -> None:
    request = make_ssh_request(b"the-same-key")
    answers = await asyncio.gather(*[ssh.one_ssh(request) for _ in range(50)])
    assert len({each.der for each in answers}) == 1
    rows = await ssh.rows("SELECT count(*) FROM ssh_certificates")
    assert [tuple(row) for row in rows] == [(1,)]
    (other,) = await ssh.issue_ssh(make_ssh_request(b"the-same-key"))
    assert other.error.type == "conflict"


async def test_the_event_is_committed_with_the_certificate(ssh: IssuingHarness) -> None:
    issued = await ssh.one_ssh()
    ((subject, payload),) = await ssh.rows("SELECT subject, payload FROM outbox")
    event = events_pb2.CertificateIssued.FromString(payload)
    assert subject == "newel.ssh.issued.v1"
    assert (event.der, event.serial) == (issued.der, issued.serial)
    assert event.provisioner.name == "admin"


async def test_what_the_signer_did_not_answer_is_finished_by_a_retry(ssh: IssuingHarness) -> None:
    request = make_ssh_request()
    ssh.signer.down = True
    (lost,) = await ssh.issue_ssh(request)
    assert lost.error.type == "unavailable"
    ssh.signer.down = False
    ssh.clock.advance(dt.timedelta(seconds=3))
    found = await ssh.one_ssh(request)
    (row,) = await ssh.rows("SELECT tbs FROM ssh_certificates")
    assert found.der.startswith(row[0])


async def test_a_signature_that_does_not_verify_is_never_released(ssh: IssuingHarness) -> None:
    ssh.signer.corrupt = True
    (result,) = await ssh.issue_ssh(make_ssh_request())
    assert result.error.type == "unavailable"
    assert "sign" in [name for name, outcome, _ in ssh.audit.lines if outcome == "invalid"]


def options(*pairs: tuple[str, str]) -> list[pb.SSHOption]:
    return [pb.SSHOption(name=name, value=value) for name, value in pairs]


@pytest.mark.attack("S01")
@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"principals": []}, "valid for every account"),
        ({"principals": [""]}, "1 to 256 characters"),
        ({"principals": ["*"]}, "one of the characters"),
        ({"principals": ["a,b"]}, "one of the characters"),
        ({"principals": ["!root"]}, "one of the characters"),
        ({"principals": ["a\nroot"]}, "control character"),
        ({"principals": ["a\0"]}, "control character"),
        ({"principals": [" a"]}, "blanks"),
        ({"principals": ["a", "a"]}, "twice"),
        ({"principals": [f"p{i}" for i in range(10_000)]}, "more than 256"),
        ({"key_id": ""}, "1 to 1024"),
        ({"key_id": "a\nb"}, "control character"),
        ({"type": 0}, "of a user or of a host"),
        ({"type": 3}, "of a user or of a host"),
        ({"type": HOST, "principals": ["a,b"], "extensions": []}, "one of the characters"),
    ],
)  # fmt: skip # refusals in rows
async def test_names_that_would_mean_more_are_refused(
    harness_with_keys: IssuingHarness, fields: dict[str, Any], text: str
) -> None:
    (result,) = await harness_with_keys.issue_ssh(make_ssh_request(**fields))
    assert text in result.error.detail
    assert harness_with_keys.signer.signed == []


@pytest.mark.attack("S02")
@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"critical_options": options(("no-such-option", ""))}, "unknown to sshd"),
        ({"type": HOST, "critical_options": options(("force-command", "x"))}, "unknown to sshd"),
        ({"critical_options": options(("source-address", "10.0.0.0/8,x"))}, "neither an address"),
        ({"critical_options": options(("verify-required", "no"))}, "has no value"),
        ({"extensions": options(("permit-pty\n", ""))}, "no proper name"),
        ({"extensions": options(("x" * 200, ""))}, "no proper name"),
        ({"extensions": options(("x", "y" * 10_000))}, "too long"),
        ({"extensions": options(*((f"x{i}", "") for i in range(40)))}, "more than 32"),
        ({"valid_before": stamp(EPOCH + 25 * HOUR)}, "valid for 24h0m0s at most"),
        ({"valid_before": stamp(dt.datetime(9999, 1, 1, tzinfo=dt.UTC))}, "at most"),
        ({"valid_before": stamp(EPOCH - HOUR)}, "ends before it begins"),
        ({"valid_after": stamp(EPOCH - 48 * HOUR)}, "in the past"),
        ({"valid_after": stamp(EPOCH + 3 * HOUR), "valid_before": stamp(EPOCH + 4 * HOUR)}, "ahead"),
        ({"public_key": b"x"}, "not a public key"),
    ],
)  # fmt: skip # refusals in rows
async def test_options_and_validities_beyond_the_rules_are_refused(
    harness_with_keys: IssuingHarness, fields: dict[str, Any], text: str
) -> None:
    (result,) = await harness_with_keys.issue_ssh(make_ssh_request(**fields))
    assert text in result.error.detail
    assert harness_with_keys.signer.signed == []


@pytest.fixture
async def harness_with_keys(
    authority: CertificateAuthority, tmp_path: Any
) -> AsyncIterator[IssuingHarness]:
    """The same on SQLite alone, for what the database does not decide."""
    opened = await open_harness(f"sqlite:///{tmp_path}/i.db", authority, **SETTINGS)
    yield opened
    await opened.database.close()


async def revoke(ssh: IssuingHarness, serial: bytes, reason: int = 4) -> pb.RevokeResult:
    item = pb.RevocationItem(serial=serial, reason=reason, active=True, actor="t")
    return (await ssh.revocation.RevokeSSH(pb.RevokeRequest(items=[item]))).results[0]


async def test_a_revocation_is_recorded_listed_and_told(ssh: IssuingHarness) -> None:
    issued = await ssh.one_ssh()
    assert (await revoke(ssh, issued.serial)).HasField("revoked_at")
    assert (await revoke(ssh, issued.serial)).error.type == "alreadyRevoked"
    assert (await revoke(ssh, b"\1" * 8)).error.type == "notFound"
    ssh.clock.advance(dt.timedelta(seconds=10))
    pages = [page async for page in ssh.repository.ListSSHRevoked(pb.ListRequest())]
    assert [each.serial for page in pages for each in page.revocations] == [issued.serial]
    assert [page async for page in ssh.repository.ListRevoked(pb.ListRequest())] == []
    lookup = pb.GetCertificateRequest(lookups=[pb.Lookup(serial=issued.serial)])
    (record,) = (await ssh.repository.GetSSHCertificate(lookup)).records
    assert record.der == issued.der
    assert record.HasField("revoked")
    subjects = [row[0] for row in await ssh.rows("SELECT subject FROM outbox ORDER BY id")]
    assert subjects == ["newel.ssh.issued.v1", "newel.ssh.revoked.v1"]


async def test_a_revoked_certificate_has_no_successor(ssh: IssuingHarness) -> None:
    issued = await ssh.one_ssh()
    successor = await ssh.one_ssh(make_ssh_request(renewed_from=issued.serial))
    await revoke(ssh, issued.serial)
    (refused,) = await ssh.issue_ssh(make_ssh_request(renewed_from=issued.serial))
    assert refused.error.type == "unauthorized"
    assert certificates.parse(successor.der).serial != certificates.parse(issued.der).serial


async def test_a_key_that_was_compromised_is_blocked_for_both_kinds_of_certificates(
    ssh: IssuingHarness,
) -> None:
    from fixtures.issuing import make_request

    key = keys.generate("P-256").public_key()
    issued = await ssh.one_ssh(make_ssh_request(public_key=wire_of(key)))
    await revoke(ssh, issued.serial, reason=1)
    (again,) = await ssh.issue_ssh(make_ssh_request(public_key=wire_of(key)))
    (other,) = await ssh.issue(make_request(public_key=keys.spki(key)))
    assert [again.error.type, other.error.type] == ["badPublicKey", "badPublicKey"]
