"""Delta CRLs (RFC 5280 §5.2.4): what they are the difference to, and who may use them."""

import datetime as dt
from pathlib import Path
from subprocess import run

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from fixtures.validation import ValidationHarness, open_harness
from newel.validation.bases import PastCRL, select_base

URL = "http://ca.example:9080/crl"
PERIOD, VALIDITY = 8, 24


async def open_with_deltas(
    folder: Path, database_url: str, *shards: int, beside: ValidationHarness | None = None
) -> ValidationHarness:
    crl = {"url": URL, "deltas": True, "shards": shards}
    return await open_harness(folder, database_url, crl=crl, beside=beside)


async def read(harness: ValidationHarness, name: str = "") -> x509.CertificateRevocationList:
    reply = await harness.get(f"/crl/{harness.ca.id}{name}.crl")
    assert reply.status == 200
    assert reply.headers[b"content-type"] == b"application/pkix-crl"
    crl = x509.load_der_x509_crl(reply.body)
    assert crl.is_signature_valid(harness.ca.certificate.public_key())  # type: ignore[arg-type]
    return crl


def number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def base(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.DeltaCRLIndicator).value.crl_number


def serials(crl: x509.CertificateRevocationList) -> set[int]:
    return {each.serial_number for each in crl}


@pytest.mark.attack("X09")
async def test_every_valid_list_and_the_delta_list_together_are_the_latest(
    tmp_path: Path, database_url: str
) -> None:
    harness = await open_with_deltas(tmp_path, database_url, 2)
    valid: list[x509.CertificateRevocationList] = []
    for step in range(12):
        await harness.revoke(0x7000 + step, not_after=harness.moved.now() + dt.timedelta(days=9))
        await harness.parts.reconciler.compare_revocations()
        await harness.parts.publisher.publish_due()
        latest, delta = await read(harness), await read(harness, "-delta")
        assert number(delta) == number(latest)  # RFC 5280 §5.2.3: the same information
        for held in valid:
            if held.next_update_utc and held.next_update_utc > harness.moved.now():
                assert base(delta) <= number(held) < number(delta)
                assert serials(held) | serials(delta) == serials(latest)
        valid.append(latest)
        harness.moved.advance(dt.timedelta(hours=3))
    assert len(serials(await read(harness, "-delta"))) < 12  # it does not grow forever
    await harness.close()


async def test_the_complete_list_says_where_the_delta_list_is(
    tmp_path: Path, database_url: str
) -> None:
    harness = await open_with_deltas(tmp_path, database_url, 2)
    await harness.parts.publisher.publish_due()
    for name in ("", "/2-1"):
        complete, delta = await read(harness, name), await read(harness, f"{name}-delta")
        (point,) = complete.extensions.get_extension_for_class(x509.FreshestCRL).value
        assert point.full_name == [
            x509.UniformResourceIdentifier(f"{URL}/{harness.ca.id}{name}-delta.crl")
        ]
        assert delta.extensions.get_extension_for_class(x509.DeltaCRLIndicator).critical
        points = [
            each.value.public_bytes()
            for crl in (complete, delta)
            for each in crl.extensions
            if isinstance(each.value, x509.IssuingDistributionPoint)
        ]
        assert points[::2] == points[1::2]  # RFC 5280 §5.2.4: the same scope
        assert len(points) == (2 if name else 0)
    await harness.close()


async def test_a_reason_that_becomes_key_compromise_is_on_the_delta_list(
    tmp_path: Path, database_url: str
) -> None:
    harness = await open_with_deltas(tmp_path, database_url)
    await harness.revoke(0x7001, reason=4)
    await harness.parts.publisher.publish_due()
    await harness.revoke(0x7001, reason=1)
    await harness.parts.publisher.publish_due()
    for crl in (await read(harness), await read(harness, "-delta")):
        (entry,) = crl
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
        assert reason is x509.ReasonFlags.key_compromise
    await harness.close()


async def test_delta_lists_begin_and_end_with_the_setting(
    tmp_path: Path, harness: ValidationHarness
) -> None:
    await harness.parts.publisher.publish_due()
    assert (await harness.get(f"/crl/{harness.ca.id}-delta.crl")).status == 404
    with_them = await open_with_deltas(tmp_path / "d", harness.url, beside=harness)
    await with_them.parts.publisher.publish_due()
    assert base(await read(with_them, "-delta")) == number(await read(harness))
    without = await open_harness(tmp_path / "w", harness.url, beside=harness)
    await without.parts.publisher.publish_due()
    assert not any(
        isinstance(each.value, x509.FreshestCRL) for each in (await read(without)).extensions
    )
    assert (await without.get(f"/crl/{harness.ca.id}-delta.crl")).status == 404
    for each in (with_them, without):
        await each.close()


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("name", ["", "/2-0"])
async def test_openssl_refuses_by_an_old_list_and_its_delta_list(tmp_path: Path, name: str) -> None:
    harness = await open_with_deltas(tmp_path, f"sqlite:///{tmp_path / 'v.db'}", 2)
    url = f"{URL}/{harness.ca.id}{name}.crl"
    leaves = [harness.ca.leaf(serial, crl_url=url) for serial in (0x7001, 0x7002)]
    await harness.parts.publisher.publish_due()
    old = await read(harness, name)
    await harness.revoke(0x7001)
    await harness.parts.publisher.publish_due()
    delta = await read(harness, f"{name}-delta")
    pem = Encoding.PEM
    (tmp_path / "lists").write_bytes(old.public_bytes(pem) + delta.public_bytes(pem))
    (tmp_path / "ca").write_bytes(harness.ca.certificate.public_bytes(pem))
    (tmp_path / "root").write_bytes(harness.root.certificate.public_bytes(pem))
    verdicts: list[str] = []
    for leaf in leaves:
        (tmp_path / "leaf").write_bytes(leaf.public_bytes(pem))
        command = (
            "openssl verify -crl_check -extended_crl -use_deltas -attime"
            f" {int(harness.moved.unix()) + 1} -CAfile root -untrusted ca -CRLfile lists leaf"
        )
        done = run(command.split(), cwd=tmp_path, capture_output=True, text=True, check=False)
        verdicts.append(done.stdout + done.stderr)
    assert "certificate revoked" in verdicts[0]
    assert verdicts[1] == "leaf: OK\n"
    await harness.close()


@given(gaps=st.lists(st.integers(min_value=0, max_value=40), max_size=30))
def test_the_base_serves_everyone_and_little_is_remembered(gaps: list[int]) -> None:
    history: list[PastCRL] = []
    now = 1000
    published: list[PastCRL] = []
    for index, gap in enumerate(gaps):
        now += gap
        chosen, obsolete = select_base(history, now, PERIOD, VALIDITY)
        valid = [past for past in published if past.this_update + VALIDITY > now]
        if valid:
            assert chosen is not None
            assert chosen.number <= valid[0].number
        assert chosen is None or chosen in published
        published.append(PastCRL(index, now, index))
        history = [past for past in history if past.number not in obsolete] + published[-1:]
        assert len(history) <= VALIDITY // PERIOD + 4
