"""CRLs at further places: what is newer gets there in the end, and nothing older replaces it."""

import datetime as dt
import logging
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.validation import NOW, ValidationHarness, open_harness

GAUGE = "newel_crl_place_next_update_seconds"


async def open_with_folder(
    tmp_path: Path, folder: Path, beside: ValidationHarness | None = None, name: str = "v.db"
) -> ValidationHarness:
    url = f"sqlite:///{tmp_path / name}"
    return await open_harness(tmp_path / "files", url, beside=beside, crl={"folder": folder})


def end_there(harness: ValidationHarness) -> float | None:
    return harness.registry.get_sample_value(GAUGE, {"place": "folder"})


def number(file: Path) -> int:
    crl = x509.load_der_x509_crl(file.read_bytes())
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


@pytest.mark.attack("X09")
async def test_a_place_that_is_back_gets_the_latest_list(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file is where the folder should be: as with a full disk, nothing can be written."""
    folder = tmp_path / "hosted"
    folder.write_text("in the way")
    harness = await open_with_folder(tmp_path, folder)
    with caplog.at_level(logging.INFO, "newel.validation.distribution"):
        for serial in (0x7001, 0x7002):
            await harness.revoke(serial)
            await harness.parts.publisher.publish_due()
            await harness.parts.distribution.distribute_due()
        served = await harness.get("/crl")
        assert served.status == 200  # what is served here is not held up
        assert end_there(harness) == 0
        folder.unlink()
        await harness.parts.distribution.distribute_due()
        await harness.parts.distribution.distribute_due()
    assert (folder / f"{harness.ca.id}.crl").read_bytes() == served.body
    assert end_there(harness) == (NOW + dt.timedelta(hours=24)).timestamp()
    said = [each.message for each in caplog.records if each.name.endswith(".distribution")]
    assert len(said) == 2  # once that it fails, once that it works again
    assert "could not be published at the folder" in said[0]
    await harness.close()


@pytest.mark.attack("X09")
async def test_a_list_with_a_higher_number_is_never_replaced_by_an_older_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The place was out of reach while a restored database made its first list."""
    folder = tmp_path / "hosted"
    first = await open_with_folder(tmp_path, folder)
    first.moved.advance(dt.timedelta(days=2))
    await first.parts.reconciler.compare_revocations()
    await first.parts.publisher.publish_due()
    await first.parts.distribution.distribute_due()
    file = folder / f"{first.ca.id}.crl"
    published = number(file)
    first.moved.advance(dt.timedelta(days=-2))  # and the clock is behind as well
    kept = file.rename(tmp_path / "away")
    folder.rename(tmp_path / "hosted-before")
    folder.write_text("in the way")
    restored = await open_with_folder(tmp_path, folder, first, "restored.db")
    await restored.parts.publisher.publish_due()
    folder.unlink()
    folder.mkdir()
    kept.rename(file)
    with caplog.at_level(logging.WARNING, "newel.validation.distribution"):
        await restored.parts.distribution.distribute_due()
    assert number(file) == published
    assert f"has the number {published}" in caplog.text
    await restored.parts.publisher.publish_due()
    await restored.parts.distribution.distribute_due()
    assert number(file) > published
    assert (await restored.get("/crl")).body == file.read_bytes()
    for each in (first, restored):
        await each.close()


@pytest.mark.attack("X09")
async def test_another_list_with_the_same_number_is_replaced_by_a_higher_one(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "hosted"
    first = await open_with_folder(tmp_path, folder)
    await first.parts.publisher.publish_due()
    await first.parts.distribution.distribute_due()
    file = folder / f"{first.ca.id}.crl"
    same = number(file)
    other = await open_harness(tmp_path / "other", f"sqlite:///{tmp_path / 'o.db'}", beside=first)
    await other.revoke(0x7001)
    await other.parts.publisher.publish_due()
    file.write_bytes((await other.get("/crl")).body)
    assert number(file) == same
    restarted = await open_with_folder(tmp_path, folder, first)
    await restarted.parts.distribution.distribute_due()
    await restarted.parts.publisher.publish_due()
    await restarted.parts.distribution.distribute_due()
    assert number(file) > same
    for each in (first, other, restarted):
        await each.close()


async def test_a_file_that_is_no_list_is_not_overwritten_but_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be anything: an operator has named the wrong folder."""
    folder = tmp_path / "hosted"
    harness = await open_with_folder(tmp_path, folder)
    folder.mkdir()
    file = folder / f"{harness.ca.id}.crl"
    file.write_bytes(b"something else")
    with caplog.at_level(logging.WARNING, "newel.validation.distribution"):
        await harness.parts.publisher.publish_due()
        await harness.parts.distribution.distribute_due()
    assert file.read_bytes() == b"something else"
    assert "could not be published at the folder" in caplog.text
    await harness.close()


async def open_with_roots_list(tmp_path: Path, folder: Path) -> tuple[ValidationHarness, bytes]:
    """Open one that serves the root's list too, and return that."""
    file = tmp_path / "root.crl"
    offline = [{"certificate_file": tmp_path / "files/roots.pem", "crl_file": file}]
    harness = await open_harness(
        tmp_path / "files",
        f"sqlite:///{tmp_path / 'v.db'}",
        crl={"folder": folder},
        crl_files=offline,
    )
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(harness.root.name)
        .last_update(NOW)
        .next_update(NOW + dt.timedelta(days=365))
        .add_extension(x509.CRLNumber(1), critical=False)
    )
    crl = builder.sign(harness.root.key, hashes.SHA256()).public_bytes(Encoding.DER)  # type: ignore[arg-type]
    file.write_bytes(crl)
    await harness.parts.watch.refresh()
    return harness, crl


async def test_the_roots_list_is_there_too(tmp_path: Path) -> None:
    folder = tmp_path / "hosted"
    harness, crl = await open_with_roots_list(tmp_path, folder)
    await harness.parts.distribution.distribute_due()
    assert (folder / f"{harness.root.id}.crl").read_bytes() == crl
    await harness.close()


async def test_a_file_that_is_no_list_does_not_hold_up_the_other_lists(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "hosted"
    harness, crl = await open_with_roots_list(tmp_path, folder)
    folder.mkdir()
    (folder / f"{harness.ca.id}.crl").write_bytes(b"something else")
    with caplog.at_level(logging.WARNING, "newel.validation.distribution"):
        await harness.parts.publisher.publish_due()
        await harness.parts.distribution.distribute_due()
    assert (folder / f"{harness.root.id}.crl").read_bytes() == crl
    assert f"could not be published at the folder: {harness.ca.id}: " in caplog.text
    await harness.close()
