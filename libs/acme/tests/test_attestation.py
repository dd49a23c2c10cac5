"""Attestations of every format: what they prove, and the attacks of A18 on each check."""

import datetime as dt
from functools import partial
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from fixtures.attestations import (
    NAMED_TPM,
    SIGNING_KEY,
    Maker,
    describe_key,
    encode_certification,
    encode_object,
    encode_public,
    encode_signature,
    make_key,
)
from newel.acme.attestation import formats, key_descriptions, objects, step, tpm_structures
from newel.acme.attestation.errors import AttestationError
from newel.acme.attestation.proof import AttestationProof
from newel.crypto import der

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
MAKER = Maker(NOW)
OTHER = Maker(NOW, name="Maker")
KEY = make_key()
AUTHORIZATION = "token.thumbprint"
SERIAL = "4711"
GOOD = {
    "step": MAKER.step(SERIAL, AUTHORIZATION, KEY),
    "apple": MAKER.apple(SERIAL, "token", KEY),
    "tpm": MAKER.tpm(SERIAL, AUTHORIZATION, KEY),
    "android-key": MAKER.android_key(SERIAL, AUTHORIZATION, KEY),
}


def verify(
    format: str,  # noqa: A002 - WebAuthn calls it so
    statement: dict[str, Any],
    *,
    authorization: str = AUTHORIZATION,
    now: dt.datetime = NOW,
    revoked: frozenset[str] = frozenset(),
) -> AttestationProof:
    token = authorization.partition(".")[0]
    found = objects.parse_object(encode_object(format, statement))
    return formats.verify(
        found, [MAKER.root], token=token, authorization=authorization, now=now, revoked=revoked
    )


def refusal(format: str, statement: dict[str, Any], **how: Any) -> str:  # noqa: A002 - WebAuthn calls it so
    with pytest.raises(AttestationError) as caught:
        verify(format, statement, **how)
    return str(caught.value)


@pytest.mark.parametrize("format", formats.FORMATS)
def test_a_good_attestation_gives_the_key_and_the_device(format: str) -> None:  # noqa: A002
    found = verify(format, GOOD[format])
    assert found.key == KEY.public_key()
    assert found.identifiers == (SERIAL,)
    assert found.path[-1].der == MAKER.root.der


@pytest.mark.attack("A18")
@pytest.mark.parametrize("format", formats.FORMATS)
def test_the_attestation_of_another_challenge_is_refused(format: str) -> None:  # noqa: A002
    assert refusal(format, GOOD[format], authorization="another.thumbprint")


@pytest.mark.attack("A18")
@pytest.mark.parametrize("format", formats.FORMATS)
def test_a_root_that_only_the_attestation_names_is_not_trusted(format: str) -> None:  # noqa: A002
    make = getattr(OTHER, format.replace("-", "_"))
    statement = make(SERIAL, "token" if format == "apple" else AUTHORIZATION, KEY)
    statement["x5c"].append(OTHER.root.der)
    assert "root" in refusal(format, statement)


@pytest.mark.parametrize("format", formats.FORMATS)
def test_an_expired_attestation_certificate_is_refused(format: str) -> None:  # noqa: A002
    assert "expired" in refusal(format, GOOD[format], now=NOW + dt.timedelta(days=31))


@pytest.mark.parametrize("format", formats.FORMATS)
@pytest.mark.parametrize("x5c", [[], [b""], ["text"], [MAKER.root.der] * 11, None, 7])
def test_a_chain_that_is_none_is_refused(format: str, x5c: Any) -> None:  # noqa: A002
    assert refusal(format, {**GOOD[format], "x5c": x5c})


@pytest.mark.parametrize("format", formats.FORMATS)
def test_a_member_that_is_missing_is_named(format: str) -> None:  # noqa: A002
    for member in GOOD[format]:
        changed = {name: value for name, value in GOOD[format].items() if name != member}
        assert member in refusal(format, changed)


@pytest.mark.attack("A18")
@pytest.mark.parametrize(
    ("format", "statement", "why"),
    [
        ("step", MAKER.step(SERIAL, AUTHORIZATION, KEY, alg=-257), "alg"),
        ("step", MAKER.step(SERIAL, AUTHORIZATION, KEY, sig=b"\x01"), "sig"),
        ("step", MAKER.step(SERIAL, AUTHORIZATION, KEY, sig=cbor2.dumps(b"no signature")), "sig"),
        ("step", MAKER.step(SERIAL, AUTHORIZATION, KEY, x5c=[MAKER.certify(KEY, ca=True)]), "CA"),
        ("apple", MAKER.apple(SERIAL, "token", KEY, freshness=b""), "freshness"),
        ("apple", MAKER.apple(SERIAL, "token", KEY, freshness=b"token"), "freshness"),
        ("android-key", MAKER.android_key(SERIAL, AUTHORIZATION, KEY, level=0), "software"),
        ("android-key", MAKER.android_key(SERIAL, AUTHORIZATION, KEY, origin=2), "made"),
        ("android-key", MAKER.android_key(SERIAL, AUTHORIZATION, KEY, challenge="x"), "challenge"),
        ("android-key", MAKER.android_key(SERIAL, AUTHORIZATION, KEY, x5c=[MAKER.certify(KEY)]), "describe"),
    ],
)  # fmt: skip # a table
def test_one_wrong_thing_is_enough(format: str, statement: dict[str, Any], why: str) -> None:  # noqa: A002
    assert why in refusal(format, statement)


def test_a_step_statement_without_an_identifier_names_no_device() -> None:
    statement = MAKER.step(SERIAL, AUTHORIZATION, KEY, x5c=[MAKER.certify(KEY)])
    assert verify("step", statement).identifiers == ()


def test_a_step_statement_may_name_a_managed_device() -> None:
    device = der.sequence(der.tlv(der.UTF8_STRING, b"device-7"))
    certified = MAKER.certify(KEY, {step.MANAGED_DEVICE: device})
    statement = MAKER.step(SERIAL, AUTHORIZATION, KEY, x5c=[certified])
    assert verify("step", statement).identifiers == ("device-7",)
    number = MAKER.certify(KEY, {step.MANAGED_DEVICE: der.sequence(der.integer(7))})
    assert "text" in refusal("step", {**statement, "x5c": [number]})


def test_a_revoked_android_certificate_is_refused() -> None:
    statement = GOOD["android-key"]
    serial = f"{verify('android-key', statement).path[0].serial:x}"
    assert "revoked" in refusal("android-key", statement, revoked=frozenset({serial}))


def test_an_attested_key_attests_no_other() -> None:
    description = describe_key(AUTHORIZATION.encode(), SERIAL.encode())
    below = Maker(NOW, name="Device")
    above = MAKER.certify(below.key, {key_descriptions.OID: description}, ca=True)
    statement = below.android_key(SERIAL, AUTHORIZATION, KEY)
    statement["x5c"].append(above)
    assert "not the one" in refusal("android-key", statement)


# ---------------------------------------------------------------- the format tpm
def of_tpm(**changed: Any) -> dict[str, Any]:
    """A statement with a certificate, a key or a structure of its own."""
    attestation_key = make_key()
    certificate = changed.pop("certificate", None)
    if certificate is not None:
        changed["x5c"] = [MAKER.certify_attestation_key(attestation_key, SERIAL, **certificate)]
    return MAKER.tpm(SERIAL, AUTHORIZATION, KEY, attestation_key=attestation_key, **changed)


def of_key(attributes: int) -> dict[str, Any]:
    return of_tpm(public=encode_public(KEY.public_key(), attributes))


def of_information(**changed: Any) -> dict[str, Any]:
    public = encode_public(KEY.public_key(), SIGNING_KEY)
    return of_tpm(public=public, information=encode_certification(bytes(32), public, **changed))


@pytest.mark.attack("A18")
@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (of_tpm(ver="1.2"), "ver"),
        (of_tpm(alg=-65535), "alg"),
        (of_tpm(certificate={"subject": "AK"}), "subject"),
        (of_tpm(certificate={"usages": ()}), "extended key usage"),
        (of_tpm(certificate={"usages": None}), "extended key usage"),
        (of_tpm(certificate={"usages": ("1.3.6.1.5.5.7.3.2",)}), "extended key usage"),
        (of_tpm(certificate={"details": dict(list(NAMED_TPM.items())[:2])}), "version"),
        (of_tpm(certificate={"ca": True}), "CA"),
        (of_tpm(challenge="another"), "key authorization"),
        (of_tpm(pubArea=encode_public(make_key().public_key(), SIGNING_KEY)), "another object"),
        (of_tpm(sig=encode_signature(make_key(), b"")), "did not sign"),
        (of_key(SIGNING_KEY & ~0x02), "may leave"),
        (of_key(SIGNING_KEY & ~0x10), "may leave"),
        (of_key(SIGNING_KEY & ~0x20), "may leave"),
        (of_key(SIGNING_KEY | 0x10000), "cannot sign"),
        (of_key(SIGNING_KEY & ~0x40000), "cannot sign"),
        (of_information(magic=0x12345678), "magic"),
        (of_information(kind=0x8018), "type"),
    ],
)  # fmt: skip # a table
def test_one_wrong_thing_about_a_tpm_is_enough(statement: dict[str, Any], why: str) -> None:
    assert why in refusal("tpm", statement)


def test_tpm_keys_of_each_kind_are_read() -> None:
    large = ec.generate_private_key(ec.SECP384R1())
    modulus = rsa.generate_private_key(65537, 2048)
    for key in (large, modulus):
        statement = MAKER.tpm(SERIAL, AUTHORIZATION, key, attestation_key=modulus)
        assert verify("tpm", statement).key == key.public_key()


def test_an_attestation_key_without_an_identifier_names_no_device() -> None:
    attestation_key = make_key()
    certificate = MAKER.certify_attestation_key(attestation_key, "")
    statement = MAKER.tpm("", AUTHORIZATION, KEY, attestation_key=attestation_key)
    assert verify("tpm", {**statement, "x5c": [certificate]}).identifiers == ()


# ---------------------------------------------------------------- hostile octets
@pytest.mark.attack("A18")
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"\xa0",
        cbor2.dumps({"fmt": "step"}),
        cbor2.dumps({"fmt": 7, "attStmt": {}}),
        cbor2.dumps({"fmt": "step", "attStmt": {}}) + b"\x00",
        b"\x81" * 100_000 + b"\x00",
        b"\x81" * 1000 + b"\x00",
        b"\xbf" + b"\x63fmt\x64step\x67attStmt\xa0" + b"\xff",
        b"\xa3" + b"\x63fmt\x64step" * 2 + b"\x67attStmt\xa0",
        b"\xa2\x63fmt\x64step\x67attStmt\xa1\x63sig\xd8\x23\x62(a",
        b"\xa2\x63fmt\x64step\x67attStmt\xa1\x63sig\xc2\x58\x20" + b"\xff" * 32,
        b"\xa2\x63fmt\x64step\x67attStmt\xa1\x63sig\xd8\x1c\x81\xd8\x1d\x00",
        b"\xa2\x63fmt\x64step\x67attStmt\xa1\x63sig\x5b" + b"\xff" * 8,
        cbor2.dumps({"fmt": "step", "attStmt": {"sig": b"0" * 40_000}}),
    ],
)  # fmt: skip # a table
def test_octets_that_are_no_attestation_object_are_refused(data: bytes) -> None:
    with pytest.raises(AttestationError):
        objects.parse_object(data)


@given(st.binary(max_size=200))
def test_any_octets_are_refused_or_an_object(data: bytes) -> None:
    for parse in (
        objects.parse_object,
        tpm_structures.parse_public,
        tpm_structures.parse_certification,
        key_descriptions.parse_description,
        partial(tpm_structures.parse_signature, key=KEY.public_key()),
    ):
        try:
            parse(data)
        except AttestationError as error:
            assert str(error)  # noqa: PT017 - a refusal says why


@given(st.sampled_from(formats.FORMATS), st.data())
def test_a_damaged_attestation_proves_nothing_else(format: str, data: st.DataObject) -> None:  # noqa: A002
    octets = bytearray(encode_object(format, GOOD[format]))
    place = data.draw(st.integers(0, len(octets) - 1))
    octets[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        attestation = objects.parse_object(bytes(octets))
        found = formats.verify(
            attestation, [MAKER.root], token="token", authorization=AUTHORIZATION, now=NOW
        )
    except AttestationError:
        return
    assert found.key == KEY.public_key()
    assert found.identifiers == (SERIAL,)


def test_a_format_that_is_not_known_is_refused() -> None:
    assert "packed" in refusal("packed", {})


def test_the_published_roots_are_those_of_the_makers() -> None:
    found = formats.published_roots()
    assert {name: len(roots) for name, roots in found.items()} == {
        "apple": 1,
        "step": 2,
        "tpm": 0,
        "android-key": 2,
    }
