"""Path validation: what chains to a root, and what must not."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.certificates import END, NOW, START, body, hold
from newel.crypto import ca, certificate, der, extensions, keys, names, oids, path_validation
from newel.crypto.extensions import Extension
from newel.crypto.path_validation import PathError, Reason
from newel.crypto.reader.certificates import Certificate, parse_certificate

SECOND = dt.timedelta(seconds=1)
LEAF_KEY = keys.generate("P-256")


def leaf_of(issuer: Any, name: str = "leaf.test", *, changes: dict[str, Any] | None = None) -> Any:
    fields = replace(body("leaf", LEAF_KEY, 20), **(changes or {}))
    tbs = ca.internal_tbs(fields, issuer.certificate, [names.parse_san(name)])
    return hold(LEAF_KEY, tbs, issuer.key).certificate


def authority_of(issuer: Any, name: str = "Lower", **options: Any) -> Any:
    key = keys.generate("P-256")
    tbs = ca.intermediate_tbs(body(name, key, 30), issuer.certificate, **options)
    return hold(key, tbs, issuer.key)


def with_extensions(issuer: Any, *wanted: Extension) -> Any:
    """A leaf, or an authority, with just these extensions."""
    fields = body("odd", LEAF_KEY, 40)
    tbs = certificate.encode_tbs(
        fields.serial,
        keys.signature_algorithm(issuer.key.public_key()),
        certificate.issuer_name(issuer.certificate),
        (START, END),
        fields.subject,
        fields.spki,
        wanted,
    )
    return hold(LEAF_KEY, tbs, issuer.key)


def read(certificates: Iterable[x509.Certificate]) -> list[Certificate]:
    return [parse_certificate(each.public_bytes(Encoding.DER)) for each in certificates]


def find(
    leaf: x509.Certificate,
    intermediates: Iterable[x509.Certificate],
    roots: Iterable[x509.Certificate],
    at: dt.datetime = NOW,
) -> list[bytes]:
    found = path_validation.find_path(read([leaf])[0], read(intermediates), read(roots), at)
    return [each.der for each in found]


def fail(leaf: Any, pki: Any, **options: Any) -> PathError:
    arguments: dict[str, Any] = {
        "intermediates": [pki.issuer.certificate],
        "roots": [pki.root.certificate],
    } | options
    with pytest.raises(PathError) as caught:
        find(leaf, **arguments)
    return caught.value


def test_a_leaf_chains_to_its_root(each_pki: Any) -> None:
    pki = each_pki
    leaf = leaf_of(pki.issuer)
    path = find(leaf, [pki.issuer.certificate], [pki.root.certificate])
    assert path == [leaf.public_bytes(Encoding.DER), pki.issuer.der, pki.root.der]


def test_a_trusted_leaf_is_its_own_path(pki: Any) -> None:
    leaf = leaf_of(pki.issuer)
    assert find(leaf, [], [leaf]) == [leaf.public_bytes(Encoding.DER)]


def test_the_ends_of_validity_are_inclusive(pki: Any) -> None:
    leaf = leaf_of(pki.issuer, changes={"not_before": NOW, "not_after": NOW + SECOND})
    pool = ([pki.issuer.certificate], [pki.root.certificate])
    for at in (NOW, NOW + SECOND):
        find(leaf, *pool, at)
    assert fail(leaf, pki, at=NOW - SECOND).reason is Reason.NOT_YET_VALID
    assert fail(leaf, pki, at=NOW + 2 * SECOND).reason is Reason.EXPIRED


@pytest.mark.attack("T14")
def test_a_chain_to_another_root_is_refused(pki: Any, make_pki_of: Any) -> None:
    other = make_pki_of("P-384")
    for pool in ([pki.issuer.certificate], [other.issuer.certificate]):
        error = fail(leaf_of(other.issuer), pki, intermediates=pool)
        assert error.reason is Reason.NO_ISSUER
        assert (
            error.certificate
            == read(
                [
                    pki.issuer.certificate
                    if pool[0] == pki.issuer.certificate
                    else pki.root.certificate
                ]
            )[0]
        )


@pytest.mark.attack("T15")
def test_a_forgery_with_the_issuers_name_is_refused(pki: Any) -> None:
    forger = keys.generate("P-256")
    tbs = leaf_of(pki.issuer).tbs_certificate_bytes
    error = fail(hold(LEAF_KEY, tbs, forger).certificate, pki)
    assert error.reason is Reason.NO_ISSUER
    assert error.certificate == read([pki.issuer.certificate])[0]


@pytest.mark.attack("T14")
def test_a_leaf_is_no_authority(pki: Any) -> None:
    false_issuer = hold(LEAF_KEY, leaf_of(pki.issuer).tbs_certificate_bytes, pki.issuer.key)
    leaf = leaf_of(false_issuer)
    pool = [false_issuer.certificate, pki.issuer.certificate]
    assert fail(leaf, pki, intermediates=pool).reason is Reason.NOT_A_CA


@pytest.mark.attack("X03")
def test_path_length_is_obeyed(pki: Any) -> None:
    too_low = with_extensions(pki.issuer, extensions.basic_constraints(ca=True, path_length=0))
    pool = [pki.issuer.certificate, too_low.certificate]
    error = fail(leaf_of(too_low), pki, intermediates=pool)
    assert error.reason is Reason.PATH_TOO_LONG


@pytest.mark.attack("X03")
def test_an_authority_that_may_not_sign_certificates_is_refused(pki: Any) -> None:
    unfit = with_extensions(
        pki.root, extensions.basic_constraints(ca=True), extensions.key_usage(["cRLSign"])
    )
    error = fail(leaf_of(unfit), pki, intermediates=[unfit.certificate])
    assert error.reason is Reason.NOT_A_CA


@pytest.mark.attack("X03")
def test_an_expired_authority_is_refused(pki: Any) -> None:
    key = keys.generate("P-256")
    brief = replace(body("Brief", key, 31), not_after=NOW - SECOND)
    tbs = ca.intermediate_tbs(brief, pki.root.certificate)
    expired = hold(key, tbs, pki.root.key)
    error = fail(leaf_of(expired), pki, intermediates=[expired.certificate])
    assert error.reason is Reason.EXPIRED
    assert error.certificate == read([expired.certificate])[0]


def test_anything_critical_and_unknown_is_refused(pki: Any) -> None:
    odd = with_extensions(pki.issuer, Extension("1.2.3.4", True, b"\x05\x00"))
    assert fail(odd.certificate, pki).reason is Reason.UNHANDLED_CRITICAL_EXTENSION


def test_weak_hashes_in_a_chain_are_refused(pki: Any) -> None:
    """ECDSA with SHA-1."""
    tbs = leaf_of(pki.issuer).tbs_certificate_bytes
    good, weak = (der.sequence(der.oid(f"1.2.840.10045.4.{each}")) for each in ("3.2", "1"))
    changed = der.sequence(
        *[weak if each.raw == good else each.raw for each in der.children(der.only(tbs).content)]
    )
    signature = pki.issuer.key.sign(changed, ec.ECDSA(hashes.SHA1()))  # noqa: S303 - the attack
    leaf = x509.load_der_x509_certificate(certificate.assemble(changed, weak, signature))
    assert fail(leaf, pki).reason is Reason.NO_ISSUER


def test_an_issuer_that_cannot_be_read_is_refused(pki: Any) -> None:
    odd = with_extensions(pki.root, Extension(oids.BASIC_CONSTRAINTS, True, b"\x30\x01"))
    purpose = extensions.extended_key_usage([extensions.CLIENT_AUTH])
    leaf = with_extensions(odd, purpose).certificate
    error = fail(leaf, pki, intermediates=[odd.certificate])
    assert error.reason is Reason.NOT_A_CA
    odd = with_extensions(
        pki.root,
        extensions.basic_constraints(ca=True),
        Extension(oids.NAME_CONSTRAINTS, True, b"\x30\x02\xa0\x01"),
    )
    leaf = with_extensions(odd, purpose).certificate
    error = fail(leaf, pki, intermediates=[odd.certificate])
    assert error.reason is Reason.NAME_NOT_PERMITTED


@pytest.mark.attack("X02")
def test_a_leaf_without_names_passes_constraints(pki: Any) -> None:
    bound = authority_of(
        pki.root, constraints=extensions.name_constraints([der.tlv(0x82, b"good.test")])
    )
    leaf = with_extensions(bound, extensions.extended_key_usage([extensions.CLIENT_AUTH]))
    pool = ([bound.certificate], [pki.root.certificate])
    find(leaf.certificate, *pool)


@pytest.mark.attack("X02")
@pytest.mark.parametrize("name", ["evil.test", "*.test", "x.good.test.evil.test"])
def test_names_outside_an_authoritys_constraints_are_refused(pki: Any, name: str) -> None:
    constraints = extensions.name_constraints([der.tlv(0x82, b"good.test")])
    bound = authority_of(pki.root, constraints=constraints)
    pool = [bound.certificate]
    find(leaf_of(bound, "a.good.test"), pool, [pki.root.certificate])
    error = fail(leaf_of(bound, name), pki, intermediates=pool)
    assert error.reason is Reason.NAME_NOT_PERMITTED
    assert "constraints" in str(error)


@pytest.mark.attack("X03")
def test_a_loop_of_authorities_ends(pki: Any) -> None:
    """Two authorities that issued each other, and a leaf of one: no root, and no end but ours."""
    key = keys.generate("P-256")
    fields = body("A", key, 50), body("B", key, 51)
    loop = []
    for mine, other in (fields, fields[::-1]):
        tbs = certificate.encode_tbs(
            mine.serial,
            keys.signature_algorithm(key.public_key()),
            other.subject,
            (START, END),
            mine.subject,
            mine.spki,
            [extensions.basic_constraints(ca=True)],
        )
        loop.append(hold(key, tbs, key))
    pool = [each.certificate for each in loop]
    assert fail(leaf_of(loop[0]), pki, intermediates=pool).reason is Reason.NO_ISSUER


@pytest.mark.attack("T14")
def test_a_hundred_false_issuers_cost_a_bounded_number_of_signatures(pki: Any) -> None:
    fields = body("Issuer", LEAF_KEY, 60)
    false = []
    for number in range(100):
        key = keys.generate("P-256")
        twin = replace(fields, serial=bytes([1, number, 1]), spki=keys.spki(key.public_key()))
        tbs = certificate.encode_tbs(
            twin.serial,
            keys.signature_algorithm(key.public_key()),
            twin.subject,
            (START, END),
            twin.subject,
            twin.spki,
            [extensions.basic_constraints(ca=True)],
        )
        false.append(hold(key, tbs, key).certificate)
    leaf = with_extensions(pki.issuer, extensions.extended_key_usage([extensions.CLIENT_AUTH]))
    error = fail(leaf.certificate, pki, intermediates=[*false, pki.issuer.certificate])
    assert error.reason is Reason.TOO_MANY_SIGNATURES
