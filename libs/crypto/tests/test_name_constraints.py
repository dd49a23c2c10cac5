"""Name constraints, and the ways around them that must fail."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from cryptography import x509

from fixtures.certificates import body, hold
from newel.crypto import ca, der, distinguished_names, extensions, keys, name_constraints, names
from newel.crypto.distinguished_names import Attribute
from newel.crypto.extensions import Extension


def dns(text: str) -> bytes:
    return der.tlv(0x82, text.encode())


def email(text: str) -> bytes:
    return der.tlv(0x81, text.encode())


def uri(text: str) -> bytes:
    return der.tlv(0x86, text.encode())


def ip(octets: str) -> bytes:
    return der.tlv(0x87, bytes.fromhex(octets))


def directory(*attributes: Attribute) -> bytes:
    return der.explicit(4, distinguished_names.encode(attributes))


def authority(pki: Any, constraints: Extension) -> Any:
    key = keys.generate("P-256")
    tbs = ca.intermediate_tbs(body("Bound", key, 9), pki.root.certificate, 0, constraints)
    return hold(key, tbs, pki.root.key).certificate


def check_chain(
    chain: Iterable[x509.Certificate],
    general_names: Sequence[names.GeneralName],
    subject: Sequence[Attribute],
) -> None:
    for issuer in chain:
        constraints = name_constraints.name_constraints(issuer)
        if constraints is not None:
            constraints.check(general_names, subject)


def is_allowed(
    pki: Any,
    name: str,
    permitted: Sequence[bytes] = (),
    excluded: Sequence[bytes] = (),
    subject: Sequence[Attribute] = (),
) -> bool:
    bound = authority(pki, extensions.name_constraints(permitted, excluded))
    general_names = [names.parse_san(name)] if name else []
    try:
        check_chain([bound, pki.root.certificate], general_names, subject)
    except name_constraints.ConstraintError:
        return False
    return True


@pytest.mark.parametrize(
    ("base", "name"),
    [
        (dns("a.test"), "a.test"),
        (dns("a.test"), "deep.b.a.test"),
        (dns("A.Test"), "b.a.test"),
        (dns("a.test."), "b.a.test"),
        (dns("a.test"), "*.a.test"),
        (dns(".a.test"), "*.a.test"),
        (dns(".a.test"), "b.a.test"),
        (ip("0a000000ff000000"), "10.1.2.3"),
        (ip("20010db8000000000000000000000000ffffffff000000000000000000000000"), "2001:db8::1"),
        (email("a.test"), "x@a.test"),
        (email(".a.test"), "x@b.a.test"),
        (email("x@A.test"), "x@a.test"),
        (uri("a.test"), "https://a.test:8443/path"),
        (uri(".a.test"), "spiffe://b.a.test/w"),
        (dns("a.test"), "10.1.2.3"),  # another kind is not limited
    ],
)
def test_names_within_a_permitted_subtree_pass(pki: Any, base: bytes, name: str) -> None:
    assert is_allowed(pki, name, permitted=[base])


@pytest.mark.attack("X02")
@pytest.mark.parametrize(
    ("base", "name"),
    [
        (dns("a.test"), "evila.test"),
        (dns("a.test"), "a.test.evil.test"),
        (dns("a.test"), "*.test"),
        (dns("b.a.test"), "*.a.test"),
        (dns(".a.test"), "a.test"),
        (dns("xn--mnchen-3ya.test"), "munchen.test"),
        (ip("0a000000ff000000"), "11.1.2.3"),
        (ip("0a000000ff000000"), "::1"),
        (ip("0a000000ff000000"), "::ffff:11.0.0.1"),
        (email("a.test"), "x@b.a.test"),
        (email(".a.test"), "x@a.test"),
        (email("x@a.test"), "X@a.test"),
        (uri("a.test"), "https://b.a.test/"),
        (uri("a.test"), "https://evil.test/a.test"),
        (uri("a.test"), "https://evil.test?a.test"),
        (uri("a.test"), "https://10.0.0.1/"),
        (uri("a.test"), "https://[::1]/"),
        (uri("a.test"), "urn:uuid:a.test"),
    ],
)
def test_names_outside_every_permitted_subtree_are_refused(
    pki: Any, base: bytes, name: str
) -> None:
    assert not is_allowed(pki, name, permitted=[base])


@pytest.mark.attack("X02")
@pytest.mark.parametrize(
    ("base", "name"),
    [
        (dns("a.test"), "a.test"),
        (dns("a.test"), "b.a.test"),
        (dns("a.test"), "B.A.TEST"),
        (dns(".a.test"), "a.test"),
        (dns("b.a.test"), "*.a.test"),  # the wildcard stands for the excluded name too
        (dns("a.test"), "*.test"),
        (dns("a.test"), "*.a.test"),
        (dns("xn--mnchen-3ya.test"), "münchen.test"),
        (ip("0a000000ff000000"), "10.0.0.1"),
        (ip("0a000000ff000000"), "::ffff:10.0.0.1"),
        (ip("00000000000000000000ffff0a000000" + "ff" * 13 + "000000"), "10.0.0.1"),
        (email("a.test"), "x@A.test"),
        (email("x@a.test"), "X@a.test"),
        (uri("a.test"), "https://a.test/"),
        (uri("a.test"), "https://b.a.test/"),
        (uri("a.test"), "urn:a.test"),
    ],
)
def test_names_in_an_excluded_subtree_are_refused(pki: Any, base: bytes, name: str) -> None:
    assert not is_allowed(pki, name, excluded=[base])


def test_exclusion_beats_permission(pki: Any) -> None:
    permitted, excluded = [dns("a.test")], [dns("b.a.test")]
    assert is_allowed(pki, "c.a.test", permitted, excluded)
    assert not is_allowed(pki, "b.a.test", permitted, excluded)


@pytest.mark.attack("X02")
@pytest.mark.parametrize(
    "name",
    ["host.evil.test", "host.evil.test.", "host.evil.test:443", "10.0.0.1", "x@evil.test"],
)
def test_a_common_name_that_is_a_host_is_held_too(pki: Any, name: str) -> None:
    permitted = [dns("a.test"), ip("0b000000ff000000"), email("a.test")]
    subject = [distinguished_names.common_name(name)]
    assert not is_allowed(pki, "b.a.test", permitted, subject=subject)


@pytest.mark.attack("X02")
@pytest.mark.parametrize("name", ["64:ff9b::10.1.2.3", "2002:a01:203::", "::10.1.2.3", "10.1.2.3"])
def test_an_excluded_ipv4_network_excludes_what_embeds_it(pki: Any, name: str) -> None:
    assert not is_allowed(pki, name, excluded=[ip("0a000000ff000000")])
    assert is_allowed(pki, name, excluded=[ip("0b000000ff000000")])


@pytest.mark.attack("X02")
def test_the_subjects_email_attribute_is_held_too(pki: Any) -> None:
    for address in ("x@evil.test", "nonsense"):
        subject = [Attribute("1.2.840.113549.1.9.1", address)]
        assert not is_allowed(pki, "", [email("a.test")], subject=subject)


def test_a_persons_common_name_is_no_host(pki: Any) -> None:
    subject = [distinguished_names.common_name("Alice Example")]
    assert is_allowed(pki, "b.a.test", [dns("a.test")], subject=subject)


def test_directory_names_are_held_by_prefix(pki: Any) -> None:
    inside = Attribute("2.5.4.10", "Example  ORG")
    base = [directory(Attribute("2.5.4.10", "example org"))]
    leaf = distinguished_names.common_name("leaf")
    assert is_allowed(pki, "", base, subject=[inside, leaf])
    assert not is_allowed(pki, "", base, subject=[leaf, inside])
    assert not is_allowed(pki, "", (), base, subject=[inside, leaf])


@pytest.mark.attack("X02")
@pytest.mark.parametrize(
    "value",
    [
        der.sequence(der.explicit(0, der.sequence(ip("0a00000000ff00ff")))),  # a mask with holes
        der.sequence(der.explicit(0, der.sequence(ip("0a000000")))),
        der.sequence(der.explicit(0, der.sequence(dns("a.test"), b"\x80\x01\x01"))),  # a minimum
        der.sequence(der.explicit(0, der.sequence(dns("ä.test")))),
        b"junk",
    ],
)
def test_constraints_that_cannot_be_read_refuse_everything(pki: Any, value: bytes) -> None:
    bound = authority(pki, Extension(extensions.NAME_CONSTRAINTS, True, value))
    with pytest.raises(name_constraints.ConstraintError):
        check_chain([bound], [names.parse_san("a.test")], [])


def test_an_authority_without_constraints_limits_nothing(pki: Any) -> None:
    assert name_constraints.name_constraints(pki.issuer.certificate) is None
    check_chain([pki.issuer.certificate], [names.parse_san("a.test")], [])
