"""Leaves: the hand-joined held against the library's octet by octet, and against openssl."""

import datetime as dt
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.certificates import END, NOW, PKI, START, body, hold
from fixtures.library_certificates import library_tbs, stand_in_key
from newel.crypto import ca, certificate, der, distinguished_names, extensions, keys, names, serials
from newel.crypto.certificate import LeafEncoder
from newel.crypto.distinguished_names import Attribute
from newel.crypto.extensions import Extension
from newel.crypto.profile import Profile

DAY = dt.timedelta(days=1)
STEP = Extension("1.3.6.1.4.1.37476.9000.64.1", False, bytes.fromhex("3003020101"))
SPKIS = {
    kind: keys.spki(keys.generate(kind).public_key())
    for kind in ("P-256", "P-384", "P-521", "RSA-2048", "RSA-4096", "Ed25519")
}
SERIAL = serials.new_serial(NOW.timestamp(), bytes(range(12)))
SUBJECT = distinguished_names.encode([distinguished_names.common_name("leaf")])

labels = st.from_regex(r"[a-z0-9]([a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
dns = st.lists(labels, min_size=1, max_size=4).map(
    lambda found: names.DNSName(".".join([*found, "test"]))
)
general_names = st.one_of(
    dns,
    dns.map(lambda name: names.DNSName(f"*.{name}")),
    st.ip_addresses().map(names.IPAddress),
    labels.map(lambda label: names.EmailAddress(f"{label}@mail.test")),
    labels.map(lambda label: names.URI(f"spiffe://td.test/{label}")),
)
subjects = st.one_of(
    st.just(distinguished_names.EMPTY),
    st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=64).map(
        lambda text: distinguished_names.encode(
            [Attribute("2.5.4.6", "CH"), distinguished_names.common_name(text)]
        )
    ),
)
urls = st.lists(labels.map(lambda label: f"http://{label}.test/"), max_size=2)
times = st.datetimes(
    min_value=dt.datetime(1950, 1, 1),  # noqa: DTZ001 - hypothesis adds the time zone
    max_value=dt.datetime(2120, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(dt.UTC),
).map(lambda time: time.replace(microsecond=0))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    serial=st.integers(1, (1 << 159) - 1),
    subject=subjects,
    spki=st.sampled_from(sorted(SPKIS.values())),
    found=st.lists(general_names, max_size=6, unique=True),
    window=st.tuples(times, times).map(sorted),
    extras=st.lists(st.just(STEP), max_size=1),
    places=st.tuples(urls, urls, urls),
)
def test_the_joined_leaf_is_the_librarys(
    pki: PKI,
    serial: int,
    subject: bytes,
    spki: bytes,
    found: Any,
    window: Any,
    extras: Any,
    places: Any,
) -> None:
    if subject == distinguished_names.EMPTY and not found:
        found = [names.DNSName("needed.test")]
    ocsp, ca_issuers, crl = places
    issuer = pki.issuer.certificate
    encoder = LeafEncoder(issuer, Profile(), ocsp=ocsp, ca_issuers=ca_issuers, crl=crl)
    start, end = window
    arguments = (serials.from_int(serial), subject, spki, found, start, end, extras)
    assert encoder.tbs(*arguments) == library_tbs(encoder, *arguments)


def test_every_issuer_and_every_key_give_the_librarys_leaf(each_pki: PKI) -> None:
    encoder = LeafEncoder(each_pki.issuer.certificate, Profile(), ocsp=["http://o.test/"])
    for spki in SPKIS.values():
        arguments = (SERIAL, SUBJECT, spki, [names.dns_name("a.test")], START, END, [STEP])
        assert encoder.tbs(*arguments) == library_tbs(encoder, *arguments)


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("kind", sorted(SPKIS))
def test_openssl_verifies_the_leaf(each_pki: PKI, kind: str, tmp_path: Path) -> None:
    encoder = LeafEncoder(each_pki.issuer.certificate, Profile(), crl=["http://c.test/"])
    general = [names.dns_name("leaf.test"), names.ip_address("10.0.0.1")]
    tbs = encoder.tbs(SERIAL, SUBJECT, SPKIS[kind], general, START, END, [STEP])
    leaf = certificate.assemble(tbs, encoder.algorithm, keys.sign(each_pki.issuer.key, tbs))
    (tmp_path / "leaf").write_bytes(x509.load_der_x509_certificate(leaf).public_bytes(Encoding.PEM))
    for name in ("root", "issuer"):
        holder = getattr(each_pki, name)
        (tmp_path / name).write_bytes(holder.certificate.public_bytes(Encoding.PEM))
    command = ["openssl", "verify", "-x509_strict", "-CAfile", "root", "-untrusted", "issuer"]
    run = subprocess.run(
        [*command, "-verify_hostname", "leaf.test", "-verify_ip", "10.0.0.1", "leaf"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout == "leaf: OK\n", run.stderr


def test_the_issuer_name_is_that_of_the_authority_octet_by_octet(pki: PKI) -> None:
    """Also when the authority's own name uses string types that we never write."""
    odd = der.sequence(
        der.tlv(der.SET, der.sequence(der.oid("2.5.4.3"), der.tlv(0x14, b"Teletex CA")))
    )
    body = pki.issuer.certificate.tbs_certificate_bytes
    ours = certificate.issuer_name(pki.issuer.certificate)
    parts = [each.raw for each in der.children(der.only(body).content)]
    parts[5] = odd
    changed = certificate.assemble(der.sequence(*parts), b"\x30\x00", b"s")
    wrapped = certificate.split(changed)
    assert wrapped.tbs == der.sequence(*parts)
    algorithm = keys.signature_algorithm(pki.root.key.public_key())
    authority = x509.load_der_x509_certificate(certificate.assemble(wrapped.tbs, algorithm, b"s"))
    tbs = LeafEncoder(authority, Profile()).tbs(SERIAL, SUBJECT, SPKIS["P-256"], [], START, END)
    assert odd in tbs
    assert ours not in tbs


def test_the_authority_key_identifier_is_the_issuers_as_encoded(pki: PKI) -> None:
    tbs = pki.issuer.certificate.tbs_certificate_bytes
    own = keys.key_identifier(pki.issuer.spki)
    assert own in tbs
    algorithm = keys.signature_algorithm(pki.root.key.public_key())
    other = x509.load_der_x509_certificate(
        certificate.assemble(tbs.replace(own, b"as the ceremony had!"), algorithm, b"s")
    )
    assert certificate.issuer_key_identifier(other) == b"as the ceremony had!"
    leaf = LeafEncoder(other, Profile()).tbs(SERIAL, SUBJECT, SPKIS["P-256"], [], START, END)
    assert b"as the ceremony had!" in leaf
    assert own not in leaf


@pytest.mark.attack("X01")
@pytest.mark.parametrize("serial", [b"", b"\x00", b"\x80", b"\x00\x01", bytes([1]) * 21])
def test_serials_that_are_none_are_refused(pki: PKI, serial: bytes) -> None:
    encoder = LeafEncoder(pki.issuer.certificate, Profile())
    with pytest.raises(ValueError, match="serial"):
        encoder.tbs(serial, SUBJECT, SPKIS["P-256"], [], START, END)


def test_somebody_must_be_named(pki: PKI) -> None:
    encoder = LeafEncoder(pki.issuer.certificate, Profile())
    with pytest.raises(ValueError, match="needs a subject or a name"):
        encoder.tbs(SERIAL, distinguished_names.EMPTY, SPKIS["P-256"], [], START, END)


def test_parts_come_apart_again(pki: PKI) -> None:
    parts = certificate.split(pki.issuer.der)
    assert parts.tbs == pki.issuer.certificate.tbs_certificate_bytes
    assert parts.signature == pki.issuer.certificate.signature
    assert certificate.assemble(*parts) == pki.issuer.der
    for junk in (b"", b"junk", pki.issuer.der + b"\x00", pki.issuer.der[:-1], parts.tbs):
        with pytest.raises(der.DERError):
            certificate.split(junk)


def test_fields_and_extensions_are_found_as_they_stand(pki: PKI) -> None:
    leaf = pki.responder.certificate
    assert certificate.issuer_of(leaf) == certificate.issuer_name(pki.issuer.certificate)
    assert certificate.subject_public_key_info(leaf) == pki.responder.spki
    found = certificate.extensions_of(leaf)
    assert list(found) == [each.oid.dotted_string for each in leaf.extensions]
    assert [each.critical for each in found.values()] == [e.critical for e in leaf.extensions]
    assert found[extensions.OCSP_NO_CHECK].value == b"\x05\x00"


def test_an_authority_whose_key_is_not_used_here_makes_no_leaves(pki: PKI) -> None:
    foreign = ec.generate_private_key(ec.SECP256K1())
    tbs = ca.internal_tbs(
        body("K1", pki.issuer.key, 90), pki.issuer.certificate, [names.dns_name("a.test")]
    )
    point = foreign.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    changed = hold(pki.issuer.key, _with_key(tbs, point), pki.issuer.key).certificate
    with pytest.raises(keys.InvalidKeyError):
        LeafEncoder(changed, Profile())


def _with_key(tbs: bytes, spki: bytes) -> bytes:
    parts = [each.raw for each in der.children(der.only(tbs).content)]
    parts[6] = spki
    return der.sequence(*parts)


def test_a_certificate_without_extensions_has_none(pki: PKI) -> None:
    parts = [
        each.raw
        for each in der.children(der.only(pki.root.certificate.tbs_certificate_bytes).content)
    ]
    old = hold(pki.root.key, der.sequence(*parts[1:-1]), pki.root.key).certificate
    assert certificate.extensions_of(old) == {}
    assert certificate.issuer_name(old) == certificate.issuer_name(pki.root.certificate)
    with pytest.raises(ValueError, match="not a CA"):
        ca.intermediate_tbs(body("Low", pki.issuer.key, 91), old)


def test_a_stand_in_has_no_private_half(each_pki: PKI) -> None:
    stand_in: Any = stand_in_key(each_pki.issuer.key.public_key())
    with pytest.raises(NotImplementedError):
        stand_in.private_bytes()
