"""Path validation: what chains, and what must not."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from fixtures.certificates import END, NOW, START, body, hold
from newel.crypto import ca, certificate, der, extensions, keys, names, verify
from newel.crypto.extensions import Extension

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


def refusal(leaf: Any, house: Any, **options: Any) -> str:
    arguments: dict[str, Any] = {
        "intermediates": [house.issuer.certificate],
        "roots": [house.root.certificate],
        "at": NOW,
    } | options
    with pytest.raises(verify.ChainError) as caught:
        verify.verify_chain(leaf, **arguments)
    return str(caught.value)


def test_a_leaf_chains_to_its_root(each_house: Any) -> None:
    leaf = leaf_of(each_house.issuer)
    chain = verify.verify_chain(
        leaf, [each_house.issuer.certificate], [each_house.root.certificate], NOW
    )
    assert chain.leaf == leaf
    assert chain.authorities == (each_house.issuer.certificate, each_house.root.certificate)


def test_the_ends_of_validity_are_inclusive(house: Any) -> None:
    leaf = leaf_of(house.issuer, changes={"not_before": NOW, "not_after": NOW + SECOND})
    pool = ([house.issuer.certificate], [house.root.certificate])
    for at in (NOW, NOW + SECOND):
        verify.verify_chain(leaf, *pool, at)
    assert "not valid yet" in refusal(leaf, house, at=NOW - SECOND)
    assert "expired" in refusal(leaf, house, at=NOW + 2 * SECOND)
    verify.verify_chain(leaf, *pool, NOW + 2 * SECOND, expired_leaf=True)
    assert "not valid yet" in refusal(leaf, house, at=NOW - SECOND, expired_leaf=True)


@pytest.mark.attack("T14")
def test_a_chain_to_another_root_is_refused(house: Any, houses: Any) -> None:
    other = houses("P-384")
    assert "issuer" in refusal(leaf_of(other.issuer), house)
    text = refusal(leaf_of(other.issuer), house, intermediates=[other.issuer.certificate])
    assert "not verify" in text or "known" in text


@pytest.mark.attack("T15")
def test_a_forgery_with_the_issuers_name_is_refused(house: Any) -> None:
    forger = keys.generate("P-256")
    tbs = leaf_of(house.issuer).tbs_certificate_bytes
    assert "does not verify" in refusal(hold(LEAF_KEY, tbs, forger).certificate, house)


@pytest.mark.attack("T14")
def test_an_authority_is_no_leaf(house: Any) -> None:
    assert "authority where a leaf is due" in refusal(house.issuer.certificate, house)


@pytest.mark.attack("T14")
def test_a_leaf_is_no_authority(house: Any) -> None:
    false_issuer = hold(LEAF_KEY, leaf_of(house.issuer).tbs_certificate_bytes, house.issuer.key)
    leaf = leaf_of(false_issuer)
    pool = [false_issuer.certificate, house.issuer.certificate]
    assert "no authority" in refusal(leaf, house, intermediates=pool)


@pytest.mark.attack("T14")
def test_a_leaf_for_another_purpose_is_refused(house: Any) -> None:
    for purposes in ([extensions.SERVER_AUTH], [extensions.OCSP_SIGNING]):
        odd = with_extensions(house.issuer, extensions.extended_key_usage(purposes))
        assert "purpose" in refusal(odd.certificate, house)
        verify.verify_chain(
            odd.certificate,
            [house.issuer.certificate],
            [house.root.certificate],
            NOW,
            purpose=purposes[0],
        )


def test_an_authority_narrowed_to_a_purpose_limits_what_is_below(house: Any) -> None:
    narrowed = with_extensions(
        house.root,
        extensions.basic_constraints(ca=True),
        extensions.extended_key_usage([extensions.SERVER_AUTH]),
    )
    leaf = leaf_of(narrowed)
    assert "purpose" in refusal(leaf, house, intermediates=[narrowed.certificate])


@pytest.mark.attack("X03")
def test_path_length_is_obeyed(house: Any) -> None:
    too_low = with_extensions(house.issuer, extensions.basic_constraints(ca=True, path_length=0))
    pool = [house.issuer.certificate, too_low.certificate]
    assert "too many authorities" in refusal(leaf_of(too_low), house, intermediates=pool)


@pytest.mark.attack("X03")
def test_an_authority_that_may_not_sign_certificates_is_refused(house: Any) -> None:
    unfit = with_extensions(
        house.root, extensions.basic_constraints(ca=True), extensions.key_usage(["cRLSign"])
    )
    text = refusal(leaf_of(unfit), house, intermediates=[unfit.certificate])
    assert "may not sign" in text


@pytest.mark.attack("X03")
def test_an_expired_authority_is_refused(house: Any) -> None:
    key = keys.generate("P-256")
    brief = replace(body("Brief", key, 31), not_after=NOW - SECOND)
    tbs = ca.intermediate_tbs(brief, house.root.certificate)
    expired = hold(key, tbs, house.root.key)
    assert "expired" in refusal(leaf_of(expired), house, intermediates=[expired.certificate])


def test_anything_critical_and_unknown_is_refused(house: Any) -> None:
    odd = with_extensions(house.issuer, Extension("1.2.3.4", True, b"\x05\x00"))
    assert "unknown critical 1.2.3.4" in refusal(odd.certificate, house)


def test_weak_hashes_in_a_chain_are_refused(house: Any) -> None:
    """ECDSA with SHA-1: the library still verifies it."""
    tbs = leaf_of(house.issuer).tbs_certificate_bytes
    good, weak = (der.sequence(der.oid(f"1.2.840.10045.4.{each}")) for each in ("3.2", "1"))
    changed = der.sequence(
        *[weak if each.raw == good else each.raw for each in der.children(der.only(tbs).content)]
    )
    signature = house.issuer.key.sign(changed, ec.ECDSA(hashes.SHA1()))  # noqa: S303 - the attack
    leaf = x509.load_der_x509_certificate(certificate.assemble(changed, weak, signature))
    assert "weak hash" in refusal(leaf, house)


def test_a_certificate_that_cannot_be_read_is_refused(house: Any) -> None:
    twice = extensions.key_usage(["digitalSignature"])
    odd = with_extensions(house.issuer, twice, twice)
    assert "cannot be read" in refusal(odd.certificate, house)


@pytest.mark.attack("X02")
def test_a_leaf_without_names_passes_constraints(house: Any) -> None:
    bound = authority_of(
        house.root, constraints=extensions.name_constraints([der.tlv(0x82, b"good.test")])
    )
    leaf = with_extensions(bound, extensions.extended_key_usage([extensions.CLIENT_AUTH]))
    pool = ([bound.certificate], [house.root.certificate])
    verify.verify_chain(leaf.certificate, *pool, NOW)


@pytest.mark.attack("X02")
@pytest.mark.parametrize("name", ["evil.test", "*.test", "x.good.test.evil.test"])
def test_names_outside_an_authoritys_constraints_are_refused(house: Any, name: str) -> None:
    constraints = extensions.name_constraints([der.tlv(0x82, b"good.test")])
    bound = authority_of(house.root, constraints=constraints)
    pool = [bound.certificate]
    verify.verify_chain(leaf_of(bound, "a.good.test"), pool, [house.root.certificate], NOW)
    assert "constraints" in refusal(leaf_of(bound, name), house, intermediates=pool)


@pytest.mark.attack("X03")
def test_a_loop_of_authorities_ends(house: Any) -> None:
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
    assert refusal(leaf_of(loop[0]), house, intermediates=pool)


@pytest.mark.attack("T14")
def test_a_hundred_false_issuers_cost_a_bounded_number_of_signatures(house: Any) -> None:
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
    leaf = with_extensions(house.issuer, extensions.extended_key_usage([extensions.CLIENT_AUTH]))
    text = refusal(leaf.certificate, house, intermediates=[*false, house.issuer.certificate])
    assert "too many ways" in text
