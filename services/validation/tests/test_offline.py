"""The CRL of a root, which a ceremony makes: read from its file, served, and missed when absent."""

import datetime as dt
import logging
import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.validation import NOW, ValidationHarness, open_harness
from fixtures.validation_pki import CertificateAuthority
from newel.runtime.config import ConfigError, validate
from newel.validation.config import CRLFileConfig
from newel.validation.issuers import UnusableIssuerError

DAY = dt.timedelta(days=1)


def root_list(
    root: CertificateAuthority, number: int, *revoked: int, end: dt.datetime = NOW + 365 * DAY
) -> bytes:
    """A list as another program makes it."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root.name)
        .last_update(NOW)
        .next_update(end)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(root.key, hashes.SHA256()).public_bytes(Encoding.DER)  # type: ignore[arg-type]


def put(file: Path, data: bytes) -> None:
    """As the ceremony does it: a new file in the place of the old."""
    beside = file.with_suffix(".new")
    beside.write_bytes(data)
    beside.replace(file)


async def with_root(tmp_path: Path) -> tuple[ValidationHarness, Path]:
    """A process that reads the root's list from a file, in which there is none yet."""
    file = tmp_path / "root.crl"
    url = f"sqlite:///{tmp_path / 'v.db'}"
    offline = [{"certificate_file": tmp_path / "roots.pem", "crl_file": file}]
    return await open_harness(tmp_path, url, crl_files=offline), file


def end_shown(harness: ValidationHarness) -> float | None:
    value = harness.registry.get_sample_value
    return value("newel_offline_crl_next_update_seconds", {"issuer": harness.root.id})


async def test_the_roots_list_is_served_once_it_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "newel.validation.offline"):
        harness, file = await with_root(tmp_path)
        await harness.parts.watch.refresh()
        await harness.parts.watch.refresh()
    assert sum("newel ceremony crl" in each.message for each in caplog.records) == 1
    assert end_shown(harness) == 0
    path = f"/crl/{harness.root.id}.crl"
    assert (await harness.get(path)).status == 503
    await harness.parts.publisher.publish_due()
    await harness.parts.watch.ready()  # what is served without it goes on
    for encoded in (
        root_list(harness.root, 1),
        x509.load_der_x509_crl(root_list(harness.root, 2, 0x7001)).public_bytes(Encoding.PEM),
    ):
        put(file, encoded)
        await harness.parts.watch.refresh()
        reply = await harness.get(path)
        assert reply.headers[b"content-type"] == b"application/pkix-crl"
        assert reply.headers[b"last-modified"] == b"Sat, 21 Nov 2026 12:00:00 GMT"
        served = x509.load_der_x509_crl(reply.body)
        assert served.public_bytes(Encoding.DER) in encoded or encoded.startswith(b"-----")
        assert end_shown(harness) == (NOW + 365 * DAY).timestamp()
    assert served.get_revoked_certificate_by_serial_number(0x7001) is not None
    certificate = await harness.get(f"/ca/{harness.root.id}.cer")
    assert certificate.body == harness.root.der
    await harness.close()


async def test_one_file_has_the_lists_of_the_whole_chain(tmp_path: Path) -> None:
    harness, file = await with_root(tmp_path)
    assert (await harness.get("/crls.pem")).status == 503
    await harness.parts.publisher.publish_due()
    alone = await harness.get("/crls.pem")
    assert alone.body.count(b"BEGIN X509 CRL") == 1  # an issuer that has no root's list yet
    put(file, root_list(harness.root, 1))
    await harness.parts.watch.refresh()
    both = await harness.get("/crls.pem")
    assert both.body.count(b"BEGIN X509 CRL") == 2
    assert both.headers[b"expires"] == b"Sun, 22 Nov 2026 12:00:00 GMT"  # the first that ends
    assert (await harness.get("/crls.pem", (b"if-none-match", both.headers[b"etag"]))).status == 304
    text = await harness.get(f"/crl/{harness.root.id}.crl?pem")
    assert text.body in both.body
    await harness.revoke(0x7001)
    await harness.parts.publisher.publish_due()
    assert (await harness.get("/crls.pem")).body not in {alone.body, both.body}
    await harness.close()


async def test_what_is_not_a_later_list_of_the_root_leaves_the_one_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    harness, file = await with_root(tmp_path)
    good = root_list(harness.root, 7, 0x7001)
    put(file, good)
    await harness.parts.watch.refresh()
    delta = x509.CertificateRevocationListBuilder().issuer_name(harness.root.name)
    delta = delta.last_update(NOW).next_update(NOW + DAY)
    delta = delta.add_extension(x509.CRLNumber(9), critical=False)
    delta = delta.add_extension(x509.DeltaCRLIndicator(7), critical=True)
    wrong = {
        "number 6 is not higher": root_list(harness.root, 6),
        "number 7 is not higher": root_list(harness.root, 7),
        "signature": root_list(CertificateAuthority("Test Root", NOW), 8),
        "is not issued by CN=Test Root": root_list(harness.ca, 8),
        "not a revocation list": b"nothing of the kind",
        "2 lists": 2 * x509.load_der_x509_crl(good).public_bytes(Encoding.PEM),
        "delta": delta.sign(harness.root.key, hashes.SHA256()).public_bytes(Encoding.DER),  # type: ignore[arg-type]
    }
    for complaint, data in wrong.items():
        caplog.clear()
        put(file, data)
        await harness.parts.watch.refresh()
        assert complaint in caplog.text
        assert (await harness.get(f"/crl/{harness.root.id}.crl")).body == good
        assert end_shown(harness) == (NOW + 365 * DAY).timestamp()
    put(file, root_list(harness.root, 8))
    await harness.parts.watch.refresh()
    assert (await harness.get(f"/crl/{harness.root.id}.crl")).body == file.read_bytes()
    await harness.close()


async def test_an_ended_list_is_served_and_shown_to_have_ended(tmp_path: Path) -> None:
    """Who checks refuses it, and hears why; the metric is how operators hear of it long before."""
    harness, file = await with_root(tmp_path)
    put(file, root_list(harness.root, 1, end=NOW + DAY))
    await harness.parts.watch.refresh()
    harness.moved.advance(2 * DAY)
    assert (await harness.get(f"/crl/{harness.root.id}.crl")).status == 200
    assert end_shown(harness) == (NOW + DAY).timestamp()
    await harness.close()


async def test_the_end_is_named_once_a_day_from_sixty_days_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    harness, file = await with_root(tmp_path)
    put(file, root_list(harness.root, 1, end=NOW + 61 * DAY))

    async def reminders() -> int:
        caplog.clear()
        await harness.parts.watch.refresh()
        await harness.parts.watch.refresh()
        return caplog.text.count("must be made again before 2027-01-21")

    assert await reminders() == 0
    for days in (1, 1, 58, 5):
        harness.moved.advance(days * DAY)
        assert await reminders() == 1
    put(file, root_list(harness.root, 2, end=NOW + 365 * DAY))
    harness.moved.advance(DAY)
    assert await reminders() == 0
    await harness.close()


async def test_a_missing_file_does_not_keep_the_list_from_being_served(tmp_path: Path) -> None:
    harness, file = await with_root(tmp_path)
    put(file, root_list(harness.root, 1))
    await harness.parts.watch.refresh()
    file.unlink()
    await harness.parts.watch.refresh()
    assert (await harness.get(f"/crl/{harness.root.id}.crl")).status == 200
    os.mkfifo(file)  # without a writer, reading it would never end
    await harness.parts.watch.refresh()
    assert (await harness.get(f"/crl/{harness.root.id}.crl")).status == 200
    await harness.close()


async def test_a_root_that_cannot_be_read_is_refused_at_start(tmp_path: Path) -> None:
    offline = [{"certificate_file": tmp_path / "absent.pem", "crl_file": tmp_path / "root.crl"}]
    with pytest.raises(UnusableIssuerError, match=r"absent\.pem"):
        await open_harness(tmp_path, f"sqlite:///{tmp_path / 'v.db'}", crl_files=offline)
    with pytest.raises(ConfigError, match="crl_file"):
        validate(CRLFileConfig, {"certificate_file": "root.pem"}, "validation.toml")
