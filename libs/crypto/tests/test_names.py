"""General names: step's order of guesses, canonical forms, and what is refused."""

import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from fixtures.library_certificates import library_name
from newel.crypto import der, names
from newel.crypto.dns_names import InvalidNameError, NameRules


@pytest.mark.parametrize(
    ("text", "kind", "canonical"),
    [
        ("10.0.0.1", "ip", "10.0.0.1"),
        ("::1", "ip", "::1"),
        ("2001:DB8:0:0::1", "ip", "2001:db8::1"),
        ("::ffff:10.0.0.1", "ip", "10.0.0.1"),
        ("https://Host.Test:8443/Path?q=1#f", "uri", "https://host.test:8443/Path?q=1#f"),
        ("SPIFFE://Trust.Test/work_load", "uri", "spiffe://trust.test/work_load"),
        ("https://10.0.0.1/", "uri", "https://10.0.0.1/"),
        ("https://[2001:DB8::1]:443/", "uri", "https://[2001:db8::1]:443/"),
        ("urn:uuid:ABC", "uri", "urn:uuid:ABC"),
        ("mailto:a@b.test", "uri", "mailto:a@b.test"),
        ("file:///etc/x", "uri", "file:///etc/x"),
        ("Jane.Doe+x@Mail.Test", "email", "Jane.Doe+x@mail.test"),
        ("Host.Example.Test", "dns", "host.example.test"),
        ("localhost", "dns", "localhost"),
        ("*.Example.Test", "dns", "*.example.test"),
        ("1host.test", "dns", "1host.test"),
        ("münchen.test", "dns", "xn--mnchen-3ya.test"),
        ("XN--MNCHEN-3YA.test", "dns", "xn--mnchen-3ya.test"),
    ],
)
def test_a_name_is_what_step_takes_it_for(text: str, kind: str, canonical: str) -> None:
    name = names.parse_san(text)
    assert name.kind == kind
    assert str(name) == canonical
    assert names.parse_san(canonical) == name


@pytest.mark.attack("T07")
@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a..b",
        ".a.test",
        "a.test.",
        "-a.test",
        "a-.test",
        "a_b.test",
        "a b.test",
        " a.test",
        "a.test\n",
        "a\x00.test",
        "a\u202e.test",
        "a\u200b.test",
        "a\uff0etest",
        "x" * 64 + ".test",
        "ü" * 254,
        ".".join(["x" * 49] * 6),
        "*",
        "*.",
        "*a.test",
        "a.*.test",
        "*.*.test",
        "xn--a.test",
        "xn--.test",
        "xn--abc-.test",
        "xn--ls8h.test",  # an emoji
        "ab--c.test",
        "1.2.3",
        "256.1.1.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "a,b.test",
        "a/b.test",
        "a%2eb.test",
        "{{a}}.test",
        "10.0.0.0/8",
        "fe80::1%eth0",
        "::1%1",
        "[::1]",
        "a@",
        "@b.test",
        "a@b@c.test",
        '"a b"@c.test',
        "a..b@c.test",
        "a@[10.0.0.1]",
        "a@b_c.test",
        "a@*.test",
        "ä@b.test",
        "x" * 65 + "@b.test",
        "http:",
        "http://",
        "http://a b/",
        "http://a.test/ä",
        "http://a.test/%zz",
        "http://user@a.test/",
        "http://user:pass@a.test/",
        "http://a.test:port/",
        "http://a..test/",
        "http://[::1%25eth0]/",
        "http://[zz]/",
        "http://256.0.0.1/",
        "http://a.test/\x00",
        "http://a.test/" + "x" * 2048,
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidNameError):
        names.parse_san(text)


def test_rules_open_and_close_what_policy_decides() -> None:
    assert (
        str(names.dns_name("_srv._tcp.a.test", NameRules(underscores=True))) == "_srv._tcp.a.test"
    )
    with pytest.raises(InvalidNameError, match="wildcard names are not allowed"):
        names.parse_san("*.a.test", NameRules(wildcards=False))
    with pytest.raises(InvalidNameError, match="underscore"):
        names.dns_name("_a.test")


@pytest.mark.attack("T07")
def test_several_names_lose_duplicates_and_empty_texts() -> None:
    found = names.parse_sans(["A.test", "", "a.TEST", "10.0.0.1", "::ffff:10.0.0.1"])
    assert [str(name) for name in found] == ["a.test", "10.0.0.1"]


def test_names_of_different_kinds_are_never_equal() -> None:
    assert names.DNSName("10.0.0.1") != names.IPAddress(ipaddress.ip_address("10.0.0.1"))
    assert names.URI("a") != names.DNSName("a")


@pytest.mark.parametrize("text", ["a.test", "10.0.0.1", "2001:db8::1", "a@b.test", "urn:a:b"])
def test_names_are_encoded_as_the_library_does(text: str) -> None:
    name = names.parse_san(text)
    library = x509.SubjectAlternativeName([library_name(name)])
    assert names.encode([name]) == library.public_bytes()
    assert names.from_der(name.der[0], name.der[2:]) == name


@pytest.mark.attack("A08")
@pytest.mark.parametrize(
    ("tag", "content"),
    [
        (0xA0, b"\x06\x01\x2a"),  # otherName: a UPN
        (0xA4, b"\x30\x00"),  # directoryName
        (0x88, b"\x2a"),  # registeredID
        (0x82, "ä.test".encode()),
        (0x82, b""),
        (0x87, b"\x01\x02\x03"),
        (0x87, bytes(8)),  # a range
        (0x86, b"/relative"),
    ],
)
def test_encoded_names_of_other_kinds_or_shapes_are_refused(tag: int, content: bytes) -> None:
    with pytest.raises(InvalidNameError):
        names.from_der(tag, content)


@pytest.mark.attack("P09")
@given(st.text(max_size=80))
def test_any_text_is_a_canonical_name_or_refused(text: str) -> None:
    try:
        name = names.parse_san(text)
    except InvalidNameError:
        return
    assert str(name).isascii()
    assert names.parse_san(str(name)) == name


@given(st.ip_addresses())
def test_every_address_is_a_name(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    assert names.ip_octets(address.packed) == names.ip_address(str(address))


@pytest.mark.parametrize("text", ["4711", "SN 47-11", "ä", "C02XG0AAJGH5", '"', "x" * 255])
def test_a_device_has_a_permanent_identifier_of_its_own_text(text: str) -> None:
    name = names.permanent_identifier(text)
    assert library_name(name) == _from_library(name.der)
    assert names.from_certificate(name.der[0], der.content(name.der)) == name
    with pytest.raises(InvalidNameError, match="unsupported kind"):
        names.from_der(name.der[0], der.content(name.der))


def _from_library(name: bytes) -> x509.GeneralName:
    san = der.sequence(name)
    oid = x509.ObjectIdentifier("2.5.29.17")
    builder = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(
        x509.UnrecognizedExtension(oid, san), critical=False
    )
    request = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    (found,) = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return found


@pytest.mark.parametrize("text", ["", " 4711", "4711 ", "47\n11", "\x00", "x" * 256])
def test_what_is_no_permanent_identifier_is_refused(text: str) -> None:
    with pytest.raises(InvalidNameError):
        names.permanent_identifier(text)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        der.sequence(),
        der.sequence(der.oid("1.2.3")),
        der.sequence(der.tlv(der.UTF8_STRING, b"a"), der.oid("1.2.3")),
        der.sequence(der.tlv(der.UTF8_STRING, b"\xff")),
        der.tlv(der.UTF8_STRING, b"a"),
    ],
)
def test_a_permanent_identifier_of_another_form_is_refused(value: bytes) -> None:
    content = der.oid("1.3.6.1.5.5.7.8.3") + der.explicit(0, value)
    with pytest.raises(InvalidNameError):
        names.from_certificate(names.OTHER_NAME_TAG, content)
