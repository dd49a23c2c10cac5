"""Distinguished names: bounds, alphabets, and the way back."""

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from newel.crypto import der
from newel.crypto import distinguished_names as dn
from newel.crypto.distinguished_names import Attribute
from newel.crypto.dns_names import InvalidNameError

COUNTRY, ORGANIZATION, EMAIL, DC = (
    "2.5.4.6",
    "2.5.4.10",
    "1.2.840.113549.1.9.1",
    "0.9.2342.19200300.100.1.25",
)


def test_a_name_reads_back_and_is_the_librarys() -> None:
    attributes = (
        Attribute(COUNTRY, "CH"),
        Attribute(ORGANIZATION, "Müller & Söhne"),
        Attribute(DC, "example"),
        Attribute(EMAIL, "a@b.test"),
        dn.common_name("leaf"),
        Attribute("1.2.3.4", "anything"),
    )
    encoded = dn.encode(attributes)
    assert dn.decode(encoded) == attributes
    library = x509.Name.from_bytes(encoded)
    assert [(each.oid.dotted_string, each.value) for each in library] == [
        (each.oid, each.value) for each in attributes
    ]
    assert library.public_bytes() == encoded
    dn.check(encoded)


def test_no_attributes_are_the_empty_name() -> None:
    assert dn.encode([]) == dn.EMPTY
    assert dn.decode(dn.EMPTY) == ()
    dn.check(dn.EMPTY)


@pytest.mark.attack("T08")
@pytest.mark.parametrize(
    ("oid", "value"),
    [
        (dn.COMMON_NAME, ""),
        (dn.COMMON_NAME, "x" * 65),
        (dn.COMMON_NAME, "a\x00b"),
        (dn.COMMON_NAME, "a\nb"),
        (dn.COMMON_NAME, "a\u202eb"),
        (dn.COMMON_NAME, "a\u2028b"),
        (dn.COMMON_NAME, "a\u200bb"),
        (dn.COMMON_NAME, "a\ud800b"),
        (dn.COMMON_NAME, " a"),
        (dn.COMMON_NAME, "a "),
        (COUNTRY, "CHE"),
        (COUNTRY, "C"),
        (COUNTRY, "ÖS"),
        (COUNTRY, "C*"),
        (ORGANIZATION, "x" * 65),
        (EMAIL, "ä@b.test"),
        (EMAIL, "x" * 256),
        (DC, "x" * 64),
        ("1.2.3", "x" * 257),
    ],
)
def test_values_beyond_their_bounds_are_refused(oid: str, value: str) -> None:
    with pytest.raises(InvalidNameError):
        dn.encode([Attribute(oid, value)])


def test_template_syntax_in_a_common_name_stays_literal() -> None:
    value = '","extKeyUsage":["codeSigning"]{{ .Secret }}'
    assert dn.decode(dn.encode([dn.common_name(value)])) == (Attribute(dn.COMMON_NAME, value),)


def test_too_many_attributes_are_refused() -> None:
    many = [Attribute("1.2.3", "x")] * 33
    with pytest.raises(InvalidNameError, match="more than 32"):
        dn.encode(many)
    encoded = der.sequence(*[der.children(der.only(dn.encode(many[:1])).content)[0].raw] * 33)
    with pytest.raises(der.DERError, match="more than 32"):
        dn.decode(encoded)


def test_the_string_types_of_old_requests_are_read() -> None:
    for tag, octets in ((0x14, b"\xfc"), (0x1E, b"\x00\xfc"), (0x1C, b"\x00\x00\x00\xfc")):
        rdn = der.tlv(der.SET, der.sequence(der.oid(dn.COMMON_NAME), der.tlv(tag, octets)))
        assert dn.decode(der.sequence(rdn)) == (dn.common_name("ü"),)
        with pytest.raises(InvalidNameError):
            dn.check(der.sequence(rdn))


@pytest.mark.parametrize("value", [der.integer(5), der.tlv(0x0C, b"\xff"), der.tlv(0x13, b"\xff")])
def test_values_that_are_no_strings_are_refused(value: bytes) -> None:
    rdn = der.tlv(der.SET, der.sequence(der.oid(dn.COMMON_NAME), value))
    with pytest.raises(der.DERError):
        dn.decode(der.sequence(rdn))


@given(st.text(max_size=70))
def test_any_text_reads_back_or_is_refused(text: str) -> None:
    try:
        encoded = dn.encode([dn.common_name(text)])
    except InvalidNameError:
        return
    assert dn.decode(encoded) == (dn.common_name(text),)
    dn.check(encoded)
