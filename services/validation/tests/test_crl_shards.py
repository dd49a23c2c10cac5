"""CRLs divided into shards (RFC 5280 §5.2.5): which serial is on which, and what else they must be."""

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from fixtures.validation import NOW, ValidationHarness, open_harness
from newel.crypto.crl_shards import all_shards, find_shard
from newel.runtime.config import ConfigError, validate
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Statement, Write
from newel.runtime.database.migrations import migrate
from newel.validation.config import CRLConfig

URL = "http://ca.example:9080/crl"
SERIALS = (0x7010, 0x7050, 0x70FF)


async def open_sharded(
    folder: Path, database_url: str, *shards: int, **choices: Any
) -> ValidationHarness:
    crl = {"url": URL, "shards": shards, **choices.pop("crl", {})}
    return await open_harness(folder, database_url, crl=crl, **choices)


async def read(harness: ValidationHarness, name: str) -> x509.CertificateRevocationList:
    reply = await harness.get(f"/crl/{harness.ca.id}{name}.crl")
    assert reply.status == 200
    crl = x509.load_der_x509_crl(reply.body)
    assert crl.is_signature_valid(harness.ca.certificate.public_key())  # type: ignore[arg-type]
    return crl


def number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def shard_name(serial: int, count: int) -> str:
    return f"/{find_shard(serial.to_bytes(2, 'big'), count).name}"


@pytest.mark.attack("X09")
async def test_a_revoked_serial_is_on_its_shard_alone_and_on_the_complete_list(
    tmp_path: Path, database_url: str
) -> None:
    harness = await open_sharded(tmp_path, database_url, 4)
    for serial in SERIALS:
        await harness.revoke(serial)
    await harness.parts.publisher.publish_due()
    await harness.parts.watch.ready()
    for shard in all_shards(4):
        crl = await read(harness, f"/{shard.name}")
        mine = [each for each in SERIALS if shard_name(each, 4) == f"/{shard.name}"]
        assert [entry.serial_number for entry in crl] == mine
        point = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
        assert point.critical
        assert point.value.full_name == [
            x509.UniformResourceIdentifier(f"{URL}/{harness.ca.id}/{shard.name}.crl")
        ]
    complete = await read(harness, "")
    assert {entry.serial_number for entry in complete} == set(SERIALS)
    assert not any(each.critical for each in complete.extensions)
    assert (await harness.get(f"/crl/{harness.ca.id}/8-0.crl")).status == 404
    await harness.close()


@pytest.mark.attack("X09")
async def test_a_revocation_replaces_its_shard_and_no_other(
    tmp_path: Path, database_url: str
) -> None:
    harness = await open_sharded(tmp_path, database_url, 4)
    await harness.parts.publisher.publish_due()
    before = {each.name: await read(harness, f"/{each.name}") for each in all_shards(4)}
    await harness.revoke(SERIALS[1])
    await harness.parts.publisher.publish_due()
    for name, old in before.items():
        is_its = f"/{name}" == shard_name(SERIALS[1], 4)
        assert (number(await read(harness, f"/{name}")) > number(old)) == is_its
    await harness.close()


@pytest.mark.attack("X09")
async def test_certificates_of_a_former_division_stay_on_the_shards_that_they_name(
    tmp_path: Path, database_url: str
) -> None:
    """The number of shards is changed from 4 to 16, and both are published for a while."""
    old = await open_sharded(tmp_path, database_url, 4)
    await old.revoke(SERIALS[0])
    await old.parts.publisher.publish_due()
    new = await open_sharded(tmp_path / "new", database_url, 16, 4, beside=old)
    await new.revoke(SERIALS[1])
    await new.parts.publisher.publish_due()
    for serial in SERIALS[:2]:
        for count in (4, 16):
            crl = await read(new, shard_name(serial, count))
            assert crl.get_revoked_certificate_by_serial_number(serial) is not None
    assert number(await read(new, shard_name(SERIALS[1], 4))) > number(
        await read(old, shard_name(SERIALS[1], 4))
    )
    await new.close()
    await old.close()


async def test_what_is_measured_of_the_complete_list_is_never_a_shards(
    tmp_path: Path, database_url: str
) -> None:
    """The complete list is too long to be signed, and its shards are not."""
    harness = await open_sharded(tmp_path, database_url, 2)
    for serial in range(0x7070, 0x7090):
        await harness.revoke(serial)
    harness.signer.longest_list = 1024
    await harness.parts.publisher.publish_due()
    await harness.parts.watch.refresh()
    assert (await harness.get(f"/crl/{harness.ca.id}.crl")).status == 503
    assert len(await read(harness, "/2-0")) == len(await read(harness, "/2-1")) == 16
    labels = {"issuer": harness.ca.id}
    assert harness.registry.get_sample_value("newel_crl_octets", labels) is None
    assert harness.registry.get_sample_value("newel_crl_next_update_seconds", labels)
    harness.signer.longest_list = None
    harness.moved.advance(dt.timedelta(minutes=10))
    await harness.parts.reconciler.compare_revocations()
    await harness.parts.publisher.publish_due()
    await harness.parts.watch.refresh()
    assert harness.registry.get_sample_value("newel_crl_entries", labels) == 32
    await harness.close()


@pytest.mark.attack("X09")
async def test_two_publishers_of_shards_at_once_agree(tmp_path: Path, database_url: str) -> None:
    one = await open_sharded(tmp_path, database_url, 2)
    other = await open_sharded(tmp_path / "other", database_url, 2, beside=one)
    await one.revoke(SERIALS[0])
    await asyncio.gather(*(each.parts.publisher.publish_due() for each in (one, other, one)))
    for each in (one, other):
        await each.parts.changes.poll()
    for name in ("", "/2-0", "/2-1"):
        assert await read(one, name) == await read(other, name)
    await other.close()
    await one.close()


async def test_revocations_from_before_the_shards_are_on_them(
    tmp_path: Path, database_url: str
) -> None:
    """A database of an earlier revision is brought up to date with what it holds."""
    await migrate(database_url, "newel.validation", "0003")
    old = await open_database(database_url)
    insert = Statement(
        "INSERT INTO certificate_status (serial, issuer, not_after, revoked_at, reason, entry, change)"
        " VALUES ($1, 'ca', $2, $2, 1, $1, 1)"
    )
    serials = [number.to_bytes(2, "big") for number in range(0x7000, 0x7100)]
    now = int(NOW.timestamp())
    await old.apply(*(Write(insert, (each, now)) for each in serials))
    await old.close()
    harness = await open_sharded(tmp_path / "files", database_url, 4)
    rows = await harness.database.fetch(Statement("SELECT serial, bucket FROM certificate_status"))
    assert {bytes(serial)[-1] for serial, _ in rows} == set(range(256))
    assert all(bucket == bytes(serial)[-1] for serial, bucket in rows)
    await harness.close()


async def test_every_shard_is_replaced_with_every_period(harness: ValidationHarness) -> None:
    sharded = await open_sharded(harness.folder / "s", harness.url, 2, beside=harness)
    await sharded.parts.publisher.publish_due()
    first = await read(sharded, "/2-1")
    sharded.moved.advance(dt.timedelta(hours=8))
    await sharded.parts.reconciler.compare_revocations()
    await sharded.parts.publisher.publish_due()
    assert number(await read(sharded, "/2-1")) > number(first)
    await sharded.close()


@pytest.mark.parametrize(
    "crl",
    [
        {"shards": [4]},
        {"deltas": True},
        {"shards": [3], "url": URL},
        {"shards": [4, 4], "url": URL},
        {"shards": [4], "url": f"{URL}/"},
        {"shards": [4], "url": "ldap://ca.example"},
    ],
)
def test_shards_and_delta_lists_that_nobody_could_find_are_refused(crl: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        validate(CRLConfig, crl, "crl")
