"""CRLs (RFC 5280 §5): numbers, contents, who publishes, how they are served."""

import asyncio
import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.pki import InternalPki
from fixtures.validation import (
    CRL_URL,
    NOW,
    ValidationHarness,
    issuance_event,
    open_harness,
    revocation_event,
)
from fixtures.validation_pki import KeyHolder
from newel.proto.events.v1 import events_pb2
from newel.proto.signer.v1 import signer_pb2_grpc
from newel.runtime.database.contract import Statement, Write
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.rpc.channel import LARGEST_MESSAGE
from newel.runtime.rpc.server import connect, serve
from newel.runtime.service import RPCService
from newel.validation.signing import StatusSigner

OUTBOX = Statement("SELECT subject, payload FROM outbox ORDER BY id")


async def fetch_crl(harness: ValidationHarness) -> x509.CertificateRevocationList:
    reply = await harness.get(f"/crl/{harness.ca.id}.crl")
    assert reply.status == 200
    crl = x509.load_der_x509_crl(reply.body)
    assert crl.is_signature_valid(harness.ca.certificate.public_key())  # type: ignore[arg-type]
    return crl


def number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


async def publish_and_fetch(harness: ValidationHarness) -> x509.CertificateRevocationList:
    await harness.parts.publisher.publish_due()
    await harness.parts.distribution.distribute_due()
    return await fetch_crl(harness)


@pytest.mark.attack("X09")
async def test_the_empty_list_has_no_entries_field(each_harness: ValidationHarness) -> None:
    crl = await publish_and_fetch(each_harness)
    assert len(crl) == 0
    assert crl.issuer == each_harness.ca.certificate.subject
    assert crl.last_update_utc == NOW
    assert crl.next_update_utc == NOW + dt.timedelta(hours=24)
    tbs = crl.tbs_certlist_bytes
    assert b"\x17\x0d261122120000Z\xa0" in tbs  # nextUpdate is followed by the extensions


async def test_a_list_of_everything_has_no_distribution_point_that_clients_might_not_know(
    harness: ValidationHarness,
) -> None:
    """RFC 5280 §5.2.5 asks for one where the scope is limited; NSS reads no list that has one."""
    extensions = (await publish_and_fetch(harness)).extensions
    issuer = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    ski = harness.ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    assert issuer.value.key_identifier == ski.value.digest
    assert not any(each.critical for each in extensions)
    assert {each.oid for each in extensions} == {
        x509.AuthorityKeyIdentifier.oid,
        x509.CRLNumber.oid,
    }


async def test_a_distribution_point_that_was_asked_for_is_the_leaves_octet_for_octet(
    tmp_path: Path,
) -> None:
    """Windows refuses a CRL whose IDP differs from the CDP it was fetched by."""
    harness = await open_harness(tmp_path, f"sqlite:///{tmp_path / 'v.db'}", crl_url=CRL_URL)
    crl = await publish_and_fetch(harness)
    leaf = harness.ca.leaf(0x7001, crl_url=CRL_URL.replace("{issuer}", harness.ca.id))
    in_leaf = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value[0]
    in_crl = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    assert in_crl.critical
    assert in_crl.value.full_name == in_leaf.full_name
    assert not in_crl.value.only_contains_user_certs
    assert not in_crl.value.only_contains_ca_certs
    await harness.close()


async def test_a_revocation_makes_a_new_list_and_nothing_else_does(
    each_harness: ValidationHarness,
) -> None:
    first = await publish_and_fetch(each_harness)
    assert await publish_and_fetch(each_harness) == first
    await each_harness.issue(0x7001)
    assert await publish_and_fetch(each_harness) == first
    await each_harness.revoke(0x7001, reason=1)
    await each_harness.revoke(0x7002, reason=0)
    second = await publish_and_fetch(each_harness)
    assert number(second) > number(first)
    assert [entry.serial_number for entry in second] == [0x7001, 0x7002]
    reason, unspecified = second
    assert reason.revocation_date_utc == NOW
    assert reason.extensions.get_extension_for_class(x509.CRLReason).value == x509.CRLReason(
        x509.ReasonFlags.key_compromise
    )
    assert len(list(unspecified.extensions)) == 0  # RFC 5280 §5.3.1: reason 0 is left out


async def test_a_passive_revocation_is_published_nowhere(harness: ValidationHarness) -> None:
    first = await publish_and_fetch(harness)
    await harness.revoke(0x7001, active=False)
    assert await publish_and_fetch(harness) == first


async def test_a_new_list_comes_with_every_period(harness: ValidationHarness) -> None:
    first = await publish_and_fetch(harness)
    harness.moved.advance(dt.timedelta(hours=8))
    await harness.parts.reconciler.compare_revocations()
    second = await publish_and_fetch(harness)
    assert number(second) > number(first)
    assert second.last_update_utc == NOW + dt.timedelta(hours=8)


@pytest.mark.attack("X09")
async def test_an_entry_stays_for_a_list_past_its_expiry(harness: ValidationHarness) -> None:
    """RFC 5280 §3.3."""
    await harness.revoke(0x7001, not_after=NOW + dt.timedelta(hours=2))
    await harness.revoke(0x7002)
    assert len(await publish_and_fetch(harness)) == 2
    counts: list[int] = []
    for _ in range(3):
        harness.moved.advance(dt.timedelta(hours=8))
        await harness.parts.reconciler.compare_revocations()
        counts.append(len(await publish_and_fetch(harness)))
    assert counts == [2, 1, 1]


@pytest.mark.attack("X09")
async def test_numbers_go_on_after_the_database_was_restored(tmp_path: Path) -> None:
    """A restored database lacks the latest numbers; the file and the cache have them."""
    url, folder = f"sqlite:///{tmp_path / 'validation.db'}", tmp_path / "published"
    harness = await open_harness(tmp_path, url, crl={"folder": folder})
    await publish_and_fetch(harness)
    await harness.revoke(0x7001)
    before = number(await publish_and_fetch(harness))
    await harness.close()
    for file in tmp_path.glob("validation.db*"):
        file.unlink()
    harness.moved.advance(dt.timedelta(hours=-1))  # and the clock went back as well
    restored = await open_harness(tmp_path / "again", url, beside=harness, crl={"folder": folder})
    assert number(await publish_and_fetch(restored)) > before
    kept = x509.load_der_x509_crl((folder / f"{harness.ca.id}.crl").read_bytes())
    assert number(kept) == number(await fetch_crl(restored))
    await restored.close()


@pytest.mark.attack("X09")
async def test_numbers_go_on_without_a_file_by_the_time(tmp_path: Path) -> None:
    harness = await open_harness(tmp_path, f"sqlite:///{tmp_path / 'validation.db'}")
    before = number(await publish_and_fetch(harness))
    harness.moved.advance(dt.timedelta(hours=1))
    await harness.close()
    new = await open_harness(tmp_path / "again", f"sqlite:///{tmp_path / 'new.db'}", beside=harness)
    assert number(await publish_and_fetch(new)) > before
    await new.close()


@pytest.mark.attack("X09")
async def test_two_publishers_at_once_never_use_a_number_twice(
    each_harness: ValidationHarness,
) -> None:
    other = await open_harness(each_harness.folder / "other", each_harness.url, beside=each_harness)
    seen: dict[int, bytes] = {}
    for round_ in range(5):
        await each_harness.revoke(0x7001 + round_)
        await asyncio.gather(
            *(
                harness.parts.publisher.publish_due()
                for harness in (each_harness, other)
                for _ in "ab"
            )
        )
        for harness in (each_harness, other):
            await harness.parts.changes.poll()
            crl = await fetch_crl(harness)
            der = crl.public_bytes(Encoding.DER)
            assert seen.setdefault(number(crl), der) == der
            assert len(crl) == round_ + 1
    await other.close()


@pytest.mark.attack("X09")
async def test_the_clock_going_back_takes_no_number_back(harness: ValidationHarness) -> None:
    before = number(await publish_and_fetch(harness))
    harness.moved.advance(dt.timedelta(hours=-1))
    await harness.parts.reconciler.compare_revocations()
    await harness.revoke(0x7001)
    assert number(await publish_and_fetch(harness)) > before


@pytest.mark.attack("X08")
async def test_crl_and_ocsp_agree(each_harness: ValidationHarness) -> None:
    for serial in (0x7001, 0x7002, 0x7003):
        await each_harness.issue(serial)
    await each_harness.revoke(0x7002, reason=3)
    crl = await publish_and_fetch(each_harness)
    for serial in (0x7001, 0x7002, 0x7003):
        response = await each_harness.status(each_harness.ca.leaf(serial))
        entry = crl.get_revoked_certificate_by_serial_number(serial)
        assert (
            (entry is not None) == (serial == 0x7002) == (response.revocation_time_utc is not None)
        )
        if entry is not None:
            assert entry.revocation_date_utc == response.revocation_time_utc
            reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
            assert reason == response.revocation_reason


async def test_a_key_called_compromised_later_is_shown_so_by_ocsp_and_crl(
    each_harness: ValidationHarness,
) -> None:
    tomorrow = NOW + dt.timedelta(days=1)
    certificate = each_harness.ca.leaf(0x7001)
    first = revocation_event(0x7001, each_harness.ca.id, NOW, tomorrow, 4)
    raised = revocation_event(0x7001, each_harness.ca.id, NOW, tomorrow, 1)
    await each_harness.deliver(issuance_event(certificate, each_harness.ca.id), first)
    before = await publish_and_fetch(each_harness)
    assert (await each_harness.status(certificate)).revocation_reason == x509.ReasonFlags.superseded
    await each_harness.deliver(raised)
    await each_harness.deliver(first)  # an old event once more lowers nothing
    response = await each_harness.status(certificate)
    assert response.revocation_reason == x509.ReasonFlags.key_compromise
    assert response.revocation_time_utc == NOW
    after = await publish_and_fetch(each_harness)
    assert number(after) > number(before)
    (entry,) = after
    reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    assert reason == x509.ReasonFlags.key_compromise


async def test_nothing_is_published_from_a_stale_comparison(harness: ValidationHarness) -> None:
    first = await publish_and_fetch(harness)
    harness.moved.advance(dt.timedelta(hours=9))
    assert await publish_and_fetch(harness) == first
    await harness.parts.reconciler.compare_revocations()
    assert number(await publish_and_fetch(harness)) > number(first)


async def test_a_failing_signer_is_tried_again(harness: ValidationHarness) -> None:
    harness.signer.away = True
    await harness.parts.publisher.publish_due()
    assert (await harness.get(f"/crl/{harness.ca.id}.crl")).status == 503
    harness.signer.away = False
    harness.signer.corrupt = True
    await harness.parts.publisher.publish_due()
    assert (await harness.get(f"/crl/{harness.ca.id}.crl")).status == 503
    harness.signer.corrupt = False
    await publish_and_fetch(harness)
    assert harness.registry.get_sample_value("newel_crl_failures_total") == 2


async def test_a_list_too_long_for_a_message_is_said_and_not_made_again_at_once(
    harness: ValidationHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """The one before is served on, revocations show in OCSP; expired entries may make it short enough."""
    before = await publish_and_fetch(harness)
    harness.signer.longest_list = 1
    certificate = await harness.issue(0x7001)
    await harness.revoke(0x7001)
    for _ in range(3):
        assert await publish_and_fetch(harness) == before
    assert harness.registry.get_sample_value("newel_crl_failures_total") == 1
    assert "octets is longer than the 67108864 a message holds" in caplog.text
    assert (await harness.status(certificate)).certificate_status.name == "REVOKED"
    harness.signer.longest_list = None
    assert await publish_and_fetch(harness) == before
    harness.moved.advance(dt.timedelta(minutes=10))
    assert len(await publish_and_fetch(harness)) == 1
    await harness.parts.watch.refresh()
    length = len((await harness.get(f"/crl/{harness.ca.id}.crl")).body)
    sample = harness.registry.get_sample_value("newel_crl_octets", {"issuer": harness.ca.id})
    assert sample == length


async def test_what_does_not_fit_between_two_machines_is_too_large(
    internal_pki: InternalPki,
) -> None:
    add = signer_pb2_grpc.add_StatusSignerServicer_to_server
    rpc = RPCService("newel.signer.v1.StatusSigner", add, KeyHolder(), ("validation",))
    server = await serve([rpc], "127.0.0.1:0", internal_pki.files("signer"))
    address = f"dns:///127.0.0.1:{server.port}"
    channel = connect(address, internal_pki.files("validation"), server_name="signer")
    signer = StatusSigner(signer_pb2_grpc.StatusSignerStub(channel))
    with pytest.raises(NewelError) as refused:
        await signer.sign_crl("issuer-0", bytes(LARGEST_MESSAGE))
    assert refused.value.type is ErrorType.TOO_LARGE
    assert f"a CRL of {LARGEST_MESSAGE} octets" in refused.value.cause
    await channel.close(None)
    await server.stop(0)


async def test_a_publication_is_an_event_and_audited(harness: ValidationHarness) -> None:
    await harness.revoke(0x7001)
    crl = await publish_and_fetch(harness)
    ((subject, payload),) = await harness.database.fetch(OUTBOX)
    event = events_pb2.CrlPublished.FromString(payload)
    assert subject == "newel.crl.published.v1"
    assert (event.issuer, event.entries) == (harness.ca.id, 1)
    assert int.from_bytes(event.number, "big") == number(crl)
    assert event.next_update.seconds == int((NOW + dt.timedelta(hours=24)).timestamp())
    assert harness.audit.lines[-1][:2] == ("crl.publish", "granted")


async def test_another_worker_serves_it_after_its_next_look(
    each_harness: ValidationHarness,
) -> None:
    other = await open_harness(each_harness.folder / "other", each_harness.url, beside=each_harness)
    crl = await publish_and_fetch(each_harness)
    await other.parts.changes.poll()
    assert await fetch_crl(other) == crl
    await other.close()


async def test_only_this_list_and_the_one_before_are_stored(harness: ValidationHarness) -> None:
    for serial in range(0x7001, 0x7006):
        await harness.revoke(serial)
        await publish_and_fetch(harness)
    octets = await harness.database.fetch(Statement("SELECT der FROM crls WHERE der IS NOT NULL"))
    assert len(octets) == 2
    # and the number of one of each period, as the base of delta CRLs
    assert len(await harness.database.fetch(Statement("SELECT number FROM crls"))) == 3


@pytest.mark.attack("X09")
async def test_many_entries_are_read_in_pages(harness: ValidationHarness) -> None:
    insert = Statement(
        "INSERT INTO certificate_status"
        " (serial, issuer, not_after, revoked_at, reason, entry, change, bucket)"
        " SELECT $1, issuer, not_after, revoked_at, reason, $2, change, bucket"
        " FROM certificate_status WHERE serial = $3"
    )
    from newel.crypto.crl import crl_entry

    await harness.revoke(0x10000)
    first = (0x10000).to_bytes(3, "big")
    revoked_at = int(NOW.timestamp())
    await harness.database.apply(
        *(
            Write(insert, (serial.to_bytes(3, "big"), crl_entry(serial, revoked_at, 1), first))
            for serial in range(0x10001, 0x10000 + 45_000)
        )
    )
    crl = await publish_and_fetch(harness)
    assert [entry.serial_number for entry in crl] == list(range(0x10000, 0x10000 + 45_000))
