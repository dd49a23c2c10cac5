"""Revocation lists, held against the library's and against openssl."""

import datetime as dt
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.library_certificates import signature_hash
from newel.crypto import certificate, crl, crl_shards, keys

URL = "http://crl.example.test/a.crl"
THIS = dt.datetime(2026, 11, 21, 12, 0, 0, tzinfo=dt.UTC)
NEXT = dt.datetime(2049, 6, 1, tzinfo=dt.UTC)
REASONS = [None, 0, 1, 2, 3, 4, 5, 6, 9, 10]
FLAGS = {
    1: x509.ReasonFlags.key_compromise,
    2: x509.ReasonFlags.ca_compromise,
    3: x509.ReasonFlags.affiliation_changed,
    4: x509.ReasonFlags.superseded,
    5: x509.ReasonFlags.cessation_of_operation,
    6: x509.ReasonFlags.certificate_hold,
    9: x509.ReasonFlags.privilege_withdrawn,
    10: x509.ReasonFlags.aa_compromise,
}

Entries = list[tuple[int, int, int | None]]
entries_of_any_kind = st.lists(
    st.tuples(
        st.integers(min_value=1, max_value=2**159 - 1),
        st.integers(min_value=0, max_value=2**32),
        st.sampled_from(REASONS),
    ),
    unique_by=lambda entry: entry[0],
    max_size=5,
)


def by_library(pki: Any, number: int, entries: Entries) -> bytes:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(pki.issuer.certificate.subject)
        .last_update(THIS)
        .next_update(NEXT)
        .add_extension(
            x509.AuthorityKeyIdentifier(keys.key_identifier(pki.issuer.spki), None, None), False
        )
        .add_extension(x509.CRLNumber(number), False)
        .add_extension(
            x509.IssuingDistributionPoint(
                [x509.UniformResourceIdentifier(URL)], None, False, False, None, False, False
            ),
            True,
        )
    )
    for serial, at, reason in entries:
        entry = x509.RevokedCertificateBuilder().serial_number(serial)
        entry = entry.revocation_date(dt.datetime.fromtimestamp(at, dt.UTC))
        if reason:
            entry = entry.add_extension(x509.CRLReason(FLAGS[reason]), False)
        builder = builder.add_revoked_certificate(entry.build())
    key = pki.issuer.key
    return builder.sign(key, signature_hash(key.public_key())).tbs_certlist_bytes


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(number=st.integers(min_value=0, max_value=2**159 - 1), entries=entries_of_any_kind)
def test_lists_equal_the_librarys_octet_by_octet(pki: Any, number: int, entries: Entries) -> None:
    encoder = crl.CRLEncoder(pki.issuer.certificate, URL)
    ours = encoder.tbs(number, THIS, NEXT, [crl.crl_entry(*entry) for entry in entries])
    assert ours == by_library(pki, number, entries)


def test_lists_of_every_key_equal_the_librarys_and_verify(each_pki: Any) -> None:
    encoder = crl.CRLEncoder(each_pki.issuer.certificate, URL)
    entries: Entries = [(5, 1_700_000_000, 1), (6, 1_700_000_001, None)]
    tbs = encoder.tbs(7, THIS, NEXT, [crl.crl_entry(*entry) for entry in entries])
    assert tbs == by_library(each_pki, 7, entries)
    parsed = x509.load_der_x509_crl(encoder.assemble(tbs, keys.sign(each_pki.issuer.key, tbs)))
    assert parsed.is_signature_valid(each_pki.issuer.key.public_key())
    assert [entry.serial_number for entry in parsed] == [5, 6]


@pytest.mark.attack("X09")
def test_an_empty_list_has_no_revoked_certificates_at_all(pki: Any) -> None:
    encoder = crl.CRLEncoder(pki.issuer.certificate)
    tbs = encoder.tbs(1, THIS, NEXT, [])
    assert certificate.split(encoder.assemble(tbs, b"s")).tbs == tbs
    parsed = x509.load_der_x509_crl(encoder.assemble(tbs, b"s"))
    assert len(parsed) == 0
    assert b"0\x00" not in tbs


def test_the_distribution_point_is_that_of_leaves_octet_by_octet() -> None:
    from newel.crypto import extensions

    leaf = extensions.crl_distribution_points([URL]).value
    assert extensions.distribution_point_name(URL) in leaf
    assert extensions.distribution_point_name(URL) in crl.issuing_distribution_point(URL).value


def test_a_delta_list_says_since_when_and_has_the_scope_of_its_base(pki: Any) -> None:
    """RFC 5280 §5.2.4; the complete list says where the delta list is (§5.2.6)."""
    encoder = crl.CRLEncoder(pki.issuer.certificate, URL, "http://crl.example.test/a-delta.crl")
    complete, delta = (
        x509.load_der_x509_crl(encoder.assemble(encoder.tbs(9, THIS, NEXT, [], base), b"s"))
        for base in (None, 5)
    )
    indicator = delta.extensions.get_extension_for_class(x509.DeltaCRLIndicator)
    assert (indicator.critical, indicator.value.crl_number) == (True, 5)
    assert {each.oid for each in complete.extensions} ^ {each.oid for each in delta.extensions} == {
        x509.FreshestCRL.oid,
        x509.DeltaCRLIndicator.oid,
    }
    freshest = complete.extensions.get_extension_for_class(x509.FreshestCRL)
    assert not freshest.critical
    (point,) = freshest.value
    assert point.full_name == [
        x509.UniformResourceIdentifier("http://crl.example.test/a-delta.crl")
    ]
    for base in (-1, 10):
        with pytest.raises(ValueError, match="base"):
            encoder.tbs(9, THIS, NEXT, [], base)


@pytest.mark.attack("X09")
@given(serial=st.binary(max_size=20), count=st.sampled_from(crl_shards.COUNTS))
def test_a_serial_is_in_one_shard_of_every_division_forever(serial: bytes, count: int) -> None:
    shard = crl_shards.find_shard(serial, count)
    first, last = shard.buckets
    assert first <= crl_shards.bucket(serial) <= last
    shards = crl_shards.all_shards(count)
    covered = [number for each in shards for number in range(each.buckets[0], each.buckets[1] + 1)]
    assert covered == list(range(crl_shards.BUCKETS))
    assert shards[shard.number] == shard
    assert shard.name == f"{count}-{shard.number}"
    if count > crl_shards.COUNTS[0]:  # a finer division divides the shards of a coarser one
        assert crl_shards.find_shard(serial, count // 2).number == shard.number // 2


@pytest.mark.parametrize(("count", "number"), [(0, 0), (3, 0), (128, 0), (4, 4), (4, -1)])
def test_shards_that_cannot_be_are_refused(count: int, number: int) -> None:
    with pytest.raises(ValueError, match="no shard"):
        crl_shards.Shard(count, number)
    if not number:
        with pytest.raises(ValueError, match="no shard"):
            crl_shards.all_shards(count)


@pytest.mark.parametrize("reason", [-1, 7, 8, 11])
def test_reasons_that_do_not_exist_are_refused(reason: int) -> None:
    with pytest.raises(ValueError, match="reason"):
        crl.crl_entry(5, 0, reason)


@pytest.mark.parametrize("serial", [0, -1, 2**160])
def test_serials_that_do_not_exist_are_refused(serial: int) -> None:
    with pytest.raises(ValueError, match="serial"):
        crl.crl_entry(serial, 0, 1)


@pytest.mark.attack("X09")
def test_numbers_and_times_that_cannot_be_are_refused(pki: Any) -> None:
    encoder = crl.CRLEncoder(pki.issuer.certificate)
    for number in (-1, 2**160):
        with pytest.raises(ValueError, match="CRL number"):
            encoder.tbs(number, THIS, NEXT, [])
    with pytest.raises(ValueError, match="update"):
        encoder.tbs(1, THIS, THIS, [])


@pytest.mark.needs("openssl")
def test_openssl_verifies_and_lists(pki: Any, tmp_path: Path) -> None:
    encoder = crl.CRLEncoder(pki.issuer.certificate, URL)
    tbs = encoder.tbs(258, THIS, NEXT, [crl.crl_entry(0xABCDEF, 1_700_000_000, 4)])
    signed = encoder.assemble(tbs, keys.sign(pki.issuer.key, tbs))
    (tmp_path / "crl").write_bytes(signed)
    (tmp_path / "ca").write_bytes(pki.issuer.certificate.public_bytes(Encoding.PEM))
    command = ["openssl", "crl", "-inform", "DER", "-in", tmp_path / "crl", "-noout", "-text"]
    run = subprocess.run(
        [*command, "-CAfile", tmp_path / "ca"], capture_output=True, check=True, text=True
    )
    assert "verify OK" in run.stderr
    assert "Serial Number: ABCDEF" in run.stdout
    assert "Superseded" in run.stdout
    assert "X509v3 Issuing Distribution Point: critical" in run.stdout
