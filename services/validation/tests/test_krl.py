"""The key revocation list of SSH certificates: learnt by events and by the list, published, served."""

import dataclasses
import datetime as dt
import subprocess
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from prometheus_client import CollectorRegistry

from fixtures.validation import NOW, ValidationHarness, open_harness, stamp
from newel.crypto import keys
from newel.crypto.ssh import certificate_body, krl
from newel.crypto.ssh.certificate_body import Body
from newel.crypto.ssh.public_keys import wire_of, write_line
from newel.proto.events.v1 import events_pb2
from newel.proto.issuing.v1 import issuing_pb2
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.events.contract import Event
from newel.validation.app import assemble
from newel.validation.config import SSHConfig

pytestmark = pytest.mark.needs("ssh-keygen")
CA = keys.generate()
TOMORROW = NOW + dt.timedelta(days=1)
Revoked = Callable[[bytes, int], bool]


@pytest.fixture
def is_revoked(tmp_path: Path) -> Revoked:
    """Whether ssh-keygen finds the certificate with a serial number in a list."""

    def ask(listed: bytes, serial: int) -> bool:
        (tmp_path / "krl").write_bytes(listed)
        holder = certificate_body.holder("user", "alice", ["alice"])
        body = Body(wire_of(CA), serial, holder, 0, 2**40, certificate_body.rights({}, {}))
        file = tmp_path / "alice-cert.pub"
        file.write_bytes(write_line(body.sign(CA, b"n" * certificate_body.NONCE)))
        command = ["ssh-keygen", "-Q", "-f", str(tmp_path / "krl"), str(file)]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        assert said.returncode in {0, 1}, said.stderr
        return said.stdout.endswith(": REVOKED\n")

    return ask


def revocation(
    serial: int, not_after: dt.datetime = TOMORROW, *, active: bool = True, issuer: str = "user"
) -> Event:
    message = events_pb2.CertificateRevoked(
        serial=serial.to_bytes(8),
        issuer=issuer,
        revoked_at=stamp(NOW),
        active=active,
        not_after=stamp(not_after),
    )
    return Event(f"revoked-{serial}", "newel.ssh.revoked.v1", message.SerializeToString(), 0)


def list_revocation(serial: int, position: int, *, active: bool = True) -> issuing_pb2.Revoked:
    return issuing_pb2.Revoked(
        position=position,
        serial=serial.to_bytes(8),
        issuer="user",
        active=active,
        not_after=stamp(TOMORROW),
    )


async def compare(harness: ValidationHarness) -> None:
    harness.lists.ssh_issuers = [issuing_pb2.SSHIssuer(id="user", public_key=wire_of(CA))]
    await harness.parts.krl.reconciler.compare()


async def publish(harness: ValidationHarness) -> bytes:
    await harness.parts.krl.publisher.publish_due()
    reply = await harness.get("/ssh/krl")
    assert reply.status == 200
    return reply.body


async def test_without_ssh_there_is_no_list(each_harness: ValidationHarness) -> None:
    cache = each_harness.parts.krl.cache
    await cache.poll()
    assert (await each_harness.get("/ssh/krl")).status == 503  # no one has asked yet
    await each_harness.parts.maintenance.compare_ssh()
    await cache.poll()
    reply = await each_harness.get("/ssh/krl")
    assert (reply.status, b"no CA for SSH" in reply.body) == (404, True)
    assert b"retry-after" not in reply.headers
    await each_harness.parts.maintenance.compare()
    await each_harness.parts.changes.poll()
    await each_harness.parts.watch.ready()
    await compare(each_harness)
    await cache.poll()
    with pytest.raises(NewelError, match="no key revocation list"):
        await each_harness.parts.watch.ready()
    assert krl.parse(await publish(each_harness)).version


async def test_an_answer_before_the_start_does_not_count(
    harness: ValidationHarness, tmp_path: Path
) -> None:
    await harness.parts.krl.reconciler.learn_issuers()
    harness.moved.advance(dt.timedelta(seconds=1))
    other = await open_harness(tmp_path / "other", harness.url, beside=harness)
    await other.parts.krl.cache.poll()
    assert (await other.get("/ssh/krl")).status == 503
    await harness.parts.krl.reconciler.learn_issuers()
    await other.parts.krl.cache.poll()
    assert (await other.get("/ssh/krl")).status == 404
    await other.close()


async def test_an_authority_with_ssh_is_ready_when_its_first_list_is_there(
    harness: ValidationHarness,
) -> None:
    harness.lists.ssh_issuers = [issuing_pb2.SSHIssuer(id="user", public_key=wire_of(CA))]
    await harness.parts.krl.reconciler.learn_issuers()
    await harness.parts.maintenance.compare()
    await harness.parts.changes.poll()
    assert (await harness.get("/ssh/krl")).headers[b"retry-after"] == b"1"
    with pytest.raises(NewelError, match="no key revocation list") as refusal:
        await harness.parts.watch.ready()
    assert refusal.value.type is ErrorType.UNAVAILABLE
    await harness.parts.maintenance.compare_ssh()
    assert (await harness.get("/ssh/krl")).status == 200
    await harness.parts.watch.ready()


async def test_a_list_is_there_before_the_first_revocation(
    each_harness: ValidationHarness, is_revoked: Revoked
) -> None:
    await compare(each_harness)
    assert not is_revoked(await publish(each_harness), 7)


async def test_a_revocation_is_on_the_next_list_under_a_higher_version(
    each_harness: ValidationHarness, is_revoked: Revoked
) -> None:
    await compare(each_harness)
    before = await publish(each_harness)
    await each_harness.parts.krl.projection.handle([revocation(2**64 - 7)])
    after = await publish(each_harness)
    assert krl.parse(after).version > krl.parse(before).version
    assert is_revoked(after, 2**64 - 7)
    assert not is_revoked(after, 7)
    await each_harness.parts.krl.projection.handle([revocation(2**64 - 7)])
    assert await publish(each_harness) == after


async def test_a_key_id_of_the_configuration_is_on_the_list_from_the_start_on(
    harness: ValidationHarness, is_revoked: Revoked
) -> None:
    await compare(harness)
    assert not is_revoked(await publish(harness), 7)
    ssh = SSHConfig(revoked_key_ids=("alice",))
    ports = dataclasses.replace(harness.ports, registry=CollectorRegistry())
    again = assemble(harness.config.model_copy(update={"ssh": ssh}), ports)
    await again.krl.publisher.publish_due()
    latest = await again.krl.store.latest()
    assert latest is not None
    assert is_revoked(latest.octets, 7)
    await again.krl.publisher.publish_due()
    assert await again.krl.store.latest() == latest, "once for each start"
    ports = dataclasses.replace(harness.ports, registry=CollectorRegistry())
    back = assemble(harness.config, ports)
    await back.krl.publisher.publish_due()
    latest = await back.krl.store.latest()
    assert latest is not None
    assert not is_revoked(latest.octets, 7), "the last one was taken out"


async def test_passive_revocations_are_not_published(
    harness: ValidationHarness, is_revoked: Revoked
) -> None:
    await compare(harness)
    harness.lists.ssh_revoked = [list_revocation(8, 1, active=False)]
    await harness.parts.krl.projection.handle([revocation(7, active=False)])
    await compare(harness)
    made = await publish(harness)
    assert not is_revoked(made, 7)
    assert not is_revoked(made, 8)


async def test_a_revocation_whose_event_was_lost_is_found(
    each_harness: ValidationHarness, is_revoked: Revoked
) -> None:
    each_harness.lists.ssh_revoked = [list_revocation(7, 3), list_revocation(8, 5)]
    await compare(each_harness)
    made = await publish(each_harness)
    assert is_revoked(made, 7)
    assert is_revoked(made, 8)
    each_harness.lists.ssh_revoked.append(list_revocation(9, 6))
    await compare(each_harness)
    assert is_revoked(await publish(each_harness), 9)


async def test_a_revocation_under_a_key_not_known_yet_is_published(
    harness: ValidationHarness, is_revoked: Revoked
) -> None:
    await harness.parts.krl.projection.handle([revocation(7, issuer="new")])
    assert is_revoked(await publish(harness), 7)


async def test_what_expired_leaves_the_list(
    each_harness: ValidationHarness, is_revoked: Revoked
) -> None:
    await compare(each_harness)
    await each_harness.parts.krl.projection.handle([revocation(7), revocation(8)])
    each_harness.moved.advance(dt.timedelta(days=1, hours=23))
    await each_harness.parts.krl.projection.handle([revocation(9, NOW + dt.timedelta(days=9))])
    assert is_revoked(await publish(each_harness), 7)
    each_harness.moved.advance(dt.timedelta(hours=2))
    made = await publish(each_harness)
    assert not is_revoked(made, 7)
    assert is_revoked(made, 9)
    each_harness.moved.advance(dt.timedelta(days=7))
    await each_harness.parts.maintenance.sweep()
    assert is_revoked(await publish(each_harness), 9)


async def test_a_version_is_never_used_again(harness: ValidationHarness) -> None:
    await compare(harness)
    found = [krl.parse(await publish(harness)).version]
    for serial in (7, 8, 9):
        await harness.parts.krl.projection.handle([revocation(serial)])
        found.append(krl.parse(await publish(harness)).version)
    harness.moved.advance(dt.timedelta(days=-3))  # the clock was put back
    found.append(krl.parse(await publish(harness)).version)
    assert found == sorted(set(found))


async def test_another_worker_serves_the_same_list(
    harness: ValidationHarness, tmp_path: Path
) -> None:
    await compare(harness)
    made = await publish(harness)
    other = await open_harness(tmp_path / "other", harness.url, beside=harness)
    await other.parts.krl.cache.poll()
    for path in ("/ssh/krl", "/1.0/ssh/krl", "/krl"):
        assert (await other.get(path)).body == made
    await other.close()


async def test_a_list_that_the_client_has_is_not_sent_again(harness: ValidationHarness) -> None:
    await compare(harness)
    await publish(harness)
    reply = await harness.get("/ssh/krl")
    assert reply.headers[b"last-modified"] == b"Sat, 21 Nov 2026 12:00:00 GMT"
    tag = (b"if-none-match", reply.headers[b"etag"])
    assert (await harness.get("/ssh/krl", tag)).status == 304
    await harness.parts.krl.projection.handle([revocation(7)])
    await publish(harness)
    assert (await harness.get("/ssh/krl", tag)).status == 200
    assert (await harness.get("/ssh/krl", method="POST")).status == 405


@pytest.mark.parametrize("serial", [b"", b"\7", bytes(8), b"\1" * 9])
async def test_what_a_list_cannot_hold_is_skipped_and_audited(
    harness: ValidationHarness, is_revoked: Revoked, serial: bytes
) -> None:
    await compare(harness)
    message = events_pb2.CertificateRevoked(serial=serial, issuer="user", active=True)
    broken = Event("odd", "newel.ssh.revoked.v1", message.SerializeToString(), 0)
    harness.lists.ssh_revoked = [
        issuing_pb2.Revoked(position=1, serial=serial, issuer="user", active=True),
        list_revocation(8, 2),
    ]
    await harness.parts.krl.projection.handle([broken, revocation(7)])
    assert harness.audit.lines[-1][:2] == ("ssh.projection", "refused")
    await compare(harness)
    made = await publish(harness)
    assert is_revoked(made, 7)
    assert is_revoked(made, 8)


async def test_the_list_is_published_while_the_issuing_authority_is_away(
    harness: ValidationHarness, is_revoked: Revoked
) -> None:
    await compare(harness)
    harness.lists.away = True
    with pytest.raises(grpc.RpcError):
        await compare(harness)
    await harness.parts.krl.projection.handle([revocation(7)])
    assert is_revoked(await publish(harness), 7)


async def test_a_metric_says_when_the_list_that_is_served_was_made(
    harness: ValidationHarness,
) -> None:
    await harness.parts.watch.refresh()
    assert harness.registry.get_sample_value("newel_krl_made_seconds") == 0
    await compare(harness)
    listed = krl.parse(await publish(harness))
    await harness.parts.watch.refresh()
    made = harness.registry.get_sample_value("newel_krl_made_seconds")
    assert made == listed.generated == int(NOW.timestamp())
