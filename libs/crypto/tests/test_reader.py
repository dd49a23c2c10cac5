"""The fast reader, held against the library's parser."""

import datetime as dt
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.certificates import END, NOW, START, body, hold
from newel.crypto import ca, der, distinguished_names, extensions, keys, names, oids
from newel.crypto.crl import CRLEncoder, crl_entry
from newel.crypto.reader import certificates, lists, public_keys
from newel.crypto.reader import extensions as values
from newel.crypto.reader import names as reader_names

DAY = dt.timedelta(days=1)
KEY = keys.generate("P-256")
ROOT = hold(KEY, ca.root_tbs(body("Root", KEY, 1)), KEY).der


def leaf(issuer: Any, *sans: str) -> x509.Certificate:
    texts = sans or ("leaf.test", "10.0.0.1", "2001:db8::1", "a@b.test", "https://c.test/d")
    tbs = ca.internal_tbs(
        body("leaf", KEY, 20), issuer.certificate, [names.parse_san(each) for each in texts]
    )
    return hold(KEY, tbs, issuer.key).certificate


def test_every_field_of_a_certificate_equals_the_librarys(each_pki: Any) -> None:
    pki = each_pki
    for parsed in (pki.root.certificate, pki.issuer.certificate, leaf(pki.issuer)):
        found = certificates.parse_certificate(parsed.public_bytes(Encoding.DER))
        assert found.tbs == parsed.tbs_certificate_bytes
        assert found.version == parsed.version.value + 1
        assert found.serial == parsed.serial_number
        assert found.issuer == parsed.issuer.public_bytes()
        assert found.subject == parsed.subject.public_bytes()
        assert (found.not_before, found.not_after) == (START, END)
        assert found.signature == parsed.signature
        assert found.spki == keys.spki(keys.load_public_key(found.spki))
        assert [(e.oid, e.critical, e.value) for e in found.extensions] == [
            (e.oid.dotted_string, e.critical, e.value.public_bytes()) for e in parsed.extensions
        ]
        assert public_keys.algorithm_oid(found.algorithm) == (
            parsed.signature_algorithm_oid.dotted_string
        )


def test_names_are_read_by_kind(pki: Any) -> None:
    found = certificates.parse_certificate(leaf(pki.issuer).public_bytes(Encoding.DER))
    general = reader_names.parse_general_names(found.extension(oids.SUBJECT_ALT_NAME))
    assert general == (
        ["leaf.test"],
        ["a@b.test"],
        ["10.0.0.1", "2001:db8::1"],
        ["https://c.test/d"],
        [],
    )
    assert reader_names.common_name(found.subject) == "leaf"
    assert reader_names.format_name(found.issuer) == "CN=Issuer"
    assert reader_names.parse_general_names(None) == ([], [], [], [], [])


def test_extension_values_equal_the_librarys(pki: Any) -> None:
    constraints = extensions.name_constraints(
        [names.parse_san("a.test").der, der.tlv(0x87, b"\n\0\0\0\xff\0\0\0")],
        [der.tlv(0x81, b"b.test"), der.tlv(0xA4, distinguished_names.EMPTY)],
    )
    pointers = ca.Pointers(["http://o.test"], ["http://i.test"], ["http://l.test"])
    tbs = ca.intermediate_tbs(
        body("Lower", KEY, 21), pki.root.certificate, constraints=constraints, pointers=pointers
    )
    found = certificates.parse_certificate(hold(KEY, tbs, pki.root.key).der)

    def value(oid: str) -> bytes:
        octets = found.extension(oid)
        assert octets is not None
        return octets

    assert values.basic_constraints(value(oids.BASIC_CONSTRAINTS)) == (True, 0)
    assert values.may_sign_certificates(value(oids.KEY_USAGE))
    assert values.crl_points(value(oids.CRL_DISTRIBUTION_POINTS)) == ["http://l.test"]
    access = values.authority_access(value(oids.AUTHORITY_INFORMATION_ACCESS))
    assert access == (["http://o.test"], ["http://i.test"])
    issuer = certificates.parse_certificate(pki.root.der)
    own = issuer.extension(oids.SUBJECT_KEY_IDENTIFIER)
    assert values.authority_key_id(value(oids.AUTHORITY_KEY_IDENTIFIER)) == (own or b"")[2:]
    permitted, excluded = values.name_constraints(value(oids.NAME_CONSTRAINTS))
    assert permitted.dns == ["a.test"]
    assert [values.range_text(*each) for each in permitted.ranges] == ["10.0.0.0/8"]
    assert values.range_text(b"\n\0\0\0", b"\xff\0\xff\0") == "10.0.0.0/ff00ff00"
    assert (excluded.emails, excluded.directories) == (["b.test"], [distinguished_names.EMPTY])


def test_a_request_equals_the_librarys() -> None:
    wanted = x509.SubjectAlternativeName([x509.DNSName("a.test")])
    builder = x509.CertificateSigningRequestBuilder(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a")])
    )
    signed = builder.add_extension(wanted, critical=False).sign(KEY, hashes.SHA256())
    found = certificates.parse_request(signed.public_bytes(Encoding.DER))
    assert found.info == signed.tbs_certrequest_bytes
    assert found.version == 0
    assert found.subject == signed.subject.public_bytes()
    assert found.extension(oids.SUBJECT_ALT_NAME) == wanted.public_bytes()
    assert found.signature == signed.signature
    assert [each.oid for each in found.attributes] == [oids.EXTENSION_REQUEST]


def test_a_list_equals_the_librarys(pki: Any) -> None:
    encoder = CRLEncoder(pki.issuer.certificate)
    for entries in (
        [],
        [crl_entry(7, int(NOW.timestamp()) - 86400, 1), crl_entry(8, int(NOW.timestamp()))],
    ):
        tbs = encoder.tbs(3, NOW, NOW + DAY, entries)
        octets = encoder.assemble(tbs, keys.sign(pki.issuer.key, tbs))
        found, parsed = lists.parse_list(octets), x509.load_der_x509_crl(octets)
        assert found.tbs == parsed.tbs_certlist_bytes
        assert (found.this_update, found.next_update) == (NOW, NOW + DAY)
        assert [(e.serial, e.revoked_at) for e in found.revoked] == [
            (e.serial_number, e.revocation_date_utc) for e in parsed
        ]
        assert found.extension(oids.CRL_NUMBER) == der.integer(3)


def test_the_numbers_of_keys() -> None:
    for kind, name, bits in (("P-384", "ECDSA", 384), ("RSA-2048", "RSA", 2048)):
        found = public_keys.parse_public_key(keys.spki(keys.generate(kind).public_key()))
        assert (found.kind, found.bits) == (name, bits)
    old = dsa.generate_private_key(2048).public_key()
    found = public_keys.parse_public_key(
        old.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    assert found.kind == "DSA"
    assert int.from_bytes(found.parts["pub"], "big") == old.public_numbers().y
    assert (
        public_keys.parse_public_key(keys.spki(keys.generate("Ed25519").public_key())).bits == 256
    )
    assert public_keys.signature_name(der.sequence(der.oid("1.2.3"))) == public_keys.UNKNOWN
    assert public_keys.signature_name(der.sequence(der.oid(oids.RSASSA_PSS))) == public_keys.UNKNOWN
    with pytest.raises(der.DERError):
        public_keys.unsigned_octets(-1)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_damaged_octets_raise_one_error(data: st.DataObject) -> None:
    octets = bytearray(ROOT)
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        certificates.parse_certificate(bytes(octets))
    except der.DERError:
        return
