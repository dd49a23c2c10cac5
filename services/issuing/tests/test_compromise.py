"""A compromised key: every certificate on it is revoked, by background work that needs no memory."""

import asyncio
import datetime as dt
import hashlib
from collections.abc import AsyncIterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from prometheus_client import CollectorRegistry

from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.issuing import (
    IssuingHarness,
    make_key,
    make_request,
    make_ssh_request,
    open_harness,
    stamp,
)
from newel.crypto import keys
from newel.crypto.ssh.public_keys import wire_of
from newel.issuing import storage_statements
from newel.issuing.app import ForeignCertificate, open_foreign_records
from newel.issuing.compromise import CompromisedKeys, KeyedCertificates
from newel.issuing.config import SSHIssuerConfig
from newel.issuing.decisions import AuditTrail, Operation
from newel.issuing.events import SSH_EVENTS
from newel.issuing.metrics import Metrics
from newel.issuing.revocation import Revocations
from newel.issuing.storage import Storage
from newel.proto.events.v1 import events_pb2
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.runtime.errors import NewelError
from newel.runtime.events.outbox import TableOutbox

LATER = dt.timedelta(seconds=10)
"""After this much nothing can show up that did not see the key blocked."""


@pytest.fixture
async def each(authority: CertificateAuthority, database_url: str) -> AsyncIterator[IssuingHarness]:
    """One process with SSH keys, on each database in turn."""
    issuers = (SSHIssuerConfig(key="ssh-user", type="user"),)
    opened = await open_harness(database_url, authority, ssh_issuers=issuers)
    yield opened
    await opened.database.close()


def compromised_keys(harness: IssuingHarness) -> CompromisedKeys:
    """What the leased task runs, by itself."""
    outbox, metrics = TableOutbox(harness.database), Metrics(CollectorRegistry())
    trail, clock = AuditTrail(harness.audit, metrics), harness.clock
    x509_store = Storage(harness.database, outbox)
    ssh_store = Storage(harness.database, outbox, storage_statements.SSH, SSH_EVENTS)
    kinds = (
        KeyedCertificates(x509_store, Revocations(x509_store, clock, trail)),
        KeyedCertificates(ssh_store, Revocations(ssh_store, clock, trail, Operation.REVOKE_SSH)),
    )
    return CompromisedKeys(kinds, clock, metrics)


async def declare(harness: IssuingHarness, serial: bytes, *, active: bool = True) -> None:
    item = pb.RevocationItem(serial=serial, reason=1, active=active, actor="mtls:anna")
    (result,) = await harness.revoke(item)
    assert result.HasField("revoked_at"), result


async def issue_on(harness: IssuingHarness, key: bytes, count: int) -> list[bytes]:
    found: list[bytes] = []
    for start in range(0, count, 64):
        requests = [make_request(public_key=key) for _ in range(min(64, count - start))]
        found += [each.certificate.serial for each in await harness.issue(*requests)]
    return found


async def read_revoked(harness: IssuingHarness) -> dict[bytes, tuple[int, bool]]:
    rows = await harness.rows("SELECT serial, reason, active FROM revocations")
    return {serial: (reason, bool(active)) for serial, reason, active in rows}


async def count_unsettled(harness: IssuingHarness) -> int:
    return len(await harness.rows("SELECT 1 FROM blocked_keys WHERE settled_at IS NULL"))


@pytest.mark.attack("X13")
async def test_every_other_certificate_on_the_key_is_revoked_and_no_other(
    each: IssuingHarness,
) -> None:
    key, work = make_key(), compromised_keys(each)
    on_key = await issue_on(each, key, 130)
    other = await each.one()
    await declare(each, on_key[3])
    assert await work.run() == 129
    assert await read_revoked(each) == dict.fromkeys(on_key, (1, True))
    assert other.serial not in await read_revoked(each)
    assert await count_unsettled(each) == 1, (
        "a transaction may be under way that did not see the block"
    )
    each.clock.advance(LATER)
    assert await work.run() == 0
    assert await count_unsettled(each) == 0

    lines = [facts for event, _, facts in each.audit.lines if event == "revoke"]
    assert len(lines) == 130
    assert lines[-1]["actor"] == "compromised key, declared by mtls:anna"
    payloads = await each.rows("SELECT payload FROM outbox WHERE subject LIKE '%revoked%'")
    events = [events_pb2.CertificateRevoked.FromString(payload) for (payload,) in payloads]
    assert {event.serial for event in events} == set(on_key)
    assert {event.reason for event in events} == {1}
    (text,) = {row[0] for row in await each.rows("SELECT reason_text FROM revocations") if row[0]}
    assert on_key[3].hex() in text


async def test_what_was_revoked_for_another_reason_is_said_to_be_compromised(
    each: IssuingHarness,
) -> None:
    first, second, third = await issue_on(each, make_key(), 3)
    superseded = pb.RevocationItem(serial=second, reason=4, active=True, actor="t")
    hidden = pb.RevocationItem(serial=third, reason=1, active=False, actor="t")
    await each.revoke(superseded, hidden)
    await declare(each, first)
    assert await compromised_keys(each).run() == 2
    assert await read_revoked(each) == dict.fromkeys((first, second, third), (1, True))


async def test_a_passive_declaration_publishes_nothing_until_an_active_one(
    each: IssuingHarness,
) -> None:
    first, second = await issue_on(each, make_key(), 2)
    await declare(each, first, active=False)
    each.clock.advance(LATER)
    work = compromised_keys(each)
    assert await work.run() == 1
    assert await read_revoked(each) == dict.fromkeys((first, second), (1, False))
    assert await count_unsettled(each) == 0
    await declare(each, second)
    assert await count_unsettled(each) == 1
    assert await work.run() == 1
    assert await read_revoked(each) == dict.fromkeys((first, second), (1, True))


async def test_ssh_certificates_on_the_key_are_revoked_too_and_the_other_way_round(
    each: IssuingHarness,
) -> None:
    public = keys.generate("P-256").public_key()
    on_x509 = await each.one(make_request(public_key=keys.spki(public)))
    on_ssh = [await each.one_ssh(make_ssh_request(public_key=wire_of(public))) for _ in range(2)]
    item = pb.RevocationItem(serial=on_ssh[0].serial, reason=1, active=True, actor="ssh:alice")
    (done,) = (await each.revocation.RevokeSSH(pb.RevokeRequest(items=[item]))).results
    assert done.HasField("revoked_at")
    assert await compromised_keys(each).run() == 2
    assert await read_revoked(each) == {on_x509.serial: (1, True)}
    rows = await each.rows("SELECT serial, reason FROM ssh_revocations")
    assert dict(rows) == {each.serial: 1 for each in on_ssh}


async def test_a_certificate_that_expired_is_left_alone(each: IssuingHarness) -> None:
    key = make_key()
    soon = make_request(public_key=key, not_after=stamp(EPOCH + dt.timedelta(minutes=10)))
    short = await each.one(soon)
    (long,) = await issue_on(each, key, 1)
    each.clock.advance(dt.timedelta(hours=1))
    await declare(each, long)
    assert await compromised_keys(each).run() == 0
    assert short.serial not in await read_revoked(each)


async def test_work_that_is_ended_in_the_middle_goes_on_in_another_process(
    each: IssuingHarness, authority: CertificateAuthority
) -> None:
    on_key = await issue_on(each, make_key(), 192)
    await declare(each, on_key[0])
    working = asyncio.ensure_future(compromised_keys(each).run())  # noqa: TID251 - a test may
    while len(await read_revoked(each)) == 1:
        await asyncio.sleep(0)
    working.cancel()
    await asyncio.wait([working])
    there = await open_harness(each.url, authority, clock=each.clock)
    await compromised_keys(there).run()
    assert await read_revoked(there) == dict.fromkeys(on_key, (1, True))
    assert len([event for event, _, _ in there.audit.lines if event == "revoke"]) > 0
    await there.database.close()


async def test_a_certificate_left_open_by_a_crash_is_revoked_once_it_is_finished(
    each: IssuingHarness,
) -> None:
    key, work = make_key(), compromised_keys(each)
    (first,) = await issue_on(each, key, 1)
    request = make_request(public_key=key)
    each.signer.down = True
    await each.issue(request)
    each.signer.down = False
    await declare(each, first)
    each.clock.advance(LATER)
    assert await work.run() == 0
    assert await count_unsettled(each) == 1, "it is still to come"
    late = await each.one(request)
    assert await work.run() == 1
    assert (await read_revoked(each))[late.serial] == (1, True)
    assert await count_unsettled(each) == 0


@pytest.mark.attack("X13")
async def test_a_certificate_on_a_blocked_key_is_no_proof_for_another_key(
    each: IssuingHarness,
) -> None:
    """Before the background work comes to it, its thief could have had a new key certified."""
    first, second = await issue_on(each, make_key(), 2)
    lookup = pb.Lookup(serial=second)
    found = await each.repository.GetCertificate(pb.GetCertificateRequest(lookups=[lookup]))
    await declare(each, first)
    rekey = pb.Renewal(
        idempotency_key=b"rekey-of-a-thief",
        certificate=found.records[0].der,
        public_key=make_key(),
        provisioner=make_request().provisioner,
    )
    (refused,) = await each.renew(rekey)
    assert refused.error.type == "unauthorized"
    assert "compromised" in refused.error.detail


async def test_a_certificate_that_is_imported_later_is_revoked_too(each: IssuingHarness) -> None:

    key = keys.generate("P-256").public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    own = each.authority.key.public_key()
    assert isinstance(own, ec.EllipticCurvePublicKey)
    (first,) = await issue_on(each, keys.spki(key), 1)
    await declare(each, first)
    each.clock.advance(LATER)
    await compromised_keys(each).run()
    assert await count_unsettled(each) == 0
    imported = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(each.authority.intermediate.subject)
        .public_key(key)
        .serial_number(77)
        .not_valid_before(EPOCH - dt.timedelta(hours=1))
        .not_valid_after(EPOCH + dt.timedelta(hours=23))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("a.example")]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own), critical=False)
        .sign(each.authority.key, hashes.SHA256())
    )
    records = open_foreign_records(each.config, each.database, each.clock)
    der = imported.public_bytes(Encoding.DER)
    assert (await records.add_certificates([ForeignCertificate(der)], dry_run=False)).new == 1
    assert await compromised_keys(each).run() == 1


async def test_an_unreachable_database_is_an_error_and_settles_nothing(
    harness: IssuingHarness,
) -> None:
    first, _ = await issue_on(harness, make_key(), 2)
    await declare(harness, first)
    work = compromised_keys(harness)
    await harness.database.close()
    with pytest.raises(NewelError):
        await work.run()


async def test_the_task_of_the_service_does_it_under_a_lease(
    authority: CertificateAuthority, database_url: str
) -> None:
    harness = await open_harness(
        database_url, authority, compromised_keys_every=dt.timedelta(milliseconds=10)
    )
    on_key = await issue_on(harness, make_key(), 3)
    task = asyncio.ensure_future(harness.service.tasks["compromised-keys"]())  # noqa: TID251 - a test may
    await declare(harness, on_key[0])
    while len(await read_revoked(harness)) < 3:
        await asyncio.sleep(0.01)
    assert await harness.rows("SELECT name FROM leases") == [("compromised-keys",)]
    task.cancel()
    await asyncio.wait([task])
    await harness.database.close()


async def test_a_key_that_is_blocked_is_told_to_who_asks(each: IssuingHarness) -> None:
    key, other = make_key(), make_key()
    (serial,) = await issue_on(each, key, 1)
    digests = [hashlib.sha256(one).digest() for one in (other, key)]
    request = pb.FindBlockedKeysRequest(key_digests=digests)
    assert list((await each.repository.FindBlockedKeys(request)).blocked) == [False, False]
    await declare(each, serial)
    assert list((await each.repository.FindBlockedKeys(request)).blocked) == [False, True]
