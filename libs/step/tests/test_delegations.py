"""Delegations: one interface, one certificate's key, a stated time; everything else proves nothing."""

import base64
import datetime as dt
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from newel.jose import jws
from newel.jose.errors import InvalidSignatureError
from newel.step import delegations, tokens

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
KEY, OTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))


def make_leaf(lifetime: dt.timedelta = 24 * HOUR) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ada")])
    builder = x509.CertificateBuilder(name, name, KEY.public_key(), 1, NOW, NOW + lifetime)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


LEAF = make_leaf()
CLAIMS = {"aud": "urn:newel:inventory", "exp": NOW.timestamp() + 60, "iat": NOW.timestamp()}
HEADER = {"alg": "ES256", "typ": delegations.TYPE, "x5c": [base64.b64encode(LEAF).decode()]}


def write(
    header: dict[str, Any], claims: dict[str, Any], key: ec.EllipticCurvePrivateKey = KEY
) -> str:
    return jws.sign_compact(msgspec.json.encode(header), msgspec.json.encode(claims), key)


def test_it_tells_whose_key_signed_it_until_it_ends() -> None:
    text = delegations.make(LEAF, KEY, "inventory", NOW, HOUR)
    assert delegations.read(text, "inventory", NOW) == LEAF
    assert delegations.read(text, "inventory", NOW + HOUR) == LEAF
    with pytest.raises(tokens.InvalidClaimsError, match="is expired"):
        delegations.read(text, "inventory", NOW + HOUR + dt.timedelta(seconds=61))


def test_it_ends_with_the_certificate() -> None:
    text = delegations.make(make_leaf(HOUR), KEY, "inventory", NOW, 24 * HOUR)
    with pytest.raises(tokens.InvalidClaimsError, match="is expired"):
        delegations.read(text, "inventory", NOW + 2 * HOUR)


@pytest.mark.parametrize(
    ("header", "claims", "cause"),
    [
        ({"typ": "JWT"}, {}, "no delegation"),
        ({"typ": None}, {}, "no delegation"),
        ({"x5c": None}, {}, "no delegation"),
        ({"x5c": HEADER["x5c"] * 2}, {}, "no delegation"),
        ({"x5c": ["AAAA"]}, {}, "certificate cannot be used"),
        ({"crit": ["b64"]}, {}, "critical"),
        ({"alg": "none"}, {}, "does not fit"),
        ({}, {"aud": "urn:newel:alerting"}, "another interface"),
        ({}, {"aud": ["urn:newel:inventory", "urn:newel:alerting"]}, "another interface"),
        ({}, {"aud": None}, "another interface"),
        ({}, {"exp": None}, "never expires"),
        ({}, {"exp": NOW.timestamp() + 90_000}, "too late"),
        ({}, {"iat": None}, "when it was made"),
        ({}, {"iat": NOW.timestamp() - 90_000}, "longer than 24 hours"),
        ({}, {"iat": NOW.timestamp() + 120}, "in the future"),
    ],
)
def test_anything_else_proves_nothing(
    header: dict[str, Any], claims: dict[str, Any], cause: str
) -> None:
    with pytest.raises(ValueError, match=cause):
        delegations.read(write(HEADER | header, CLAIMS | claims), "inventory", NOW)


def test_another_key_signs_nothing_for_the_certificate() -> None:
    assert delegations.read(write(HEADER, CLAIMS), "inventory", NOW) == LEAF
    with pytest.raises(InvalidSignatureError):
        delegations.read(write(HEADER, CLAIMS, OTHER), "inventory", NOW)
