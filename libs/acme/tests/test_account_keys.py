"""What is accepted as an account key."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519

from newel.acme.account_keys import read_public_key
from newel.acme.problems import ACMEError
from newel.crypto.keys import PrivateKey
from newel.jose import base64url, jwk
from newel.jose.jwk import JWK


def members_of(key: PrivateKey) -> dict[str, str]:
    return jwk.required_members(key.public_key())


GOOD = members_of(ec.generate_private_key(ec.SECP256R1()))
ED = members_of(ed25519.Ed25519PrivateKey.generate())


@pytest.mark.attack("A09")
@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({**GOOD, "x": GOOD["y"]}, "badPublicKey"),  # off the curve
        ({**GOOD, "x": "A" * 43, "y": "A" * 43}, "badPublicKey"),
        ({**GOOD, "x": base64url.encode(base64url.decode(GOOD["x"])[1:])}, "badPublicKey"),
        ({**GOOD, "crv": "P-192"}, "badPublicKey"),
        ({**GOOD, "crv": "secp256k1"}, "badPublicKey"),
        ({**GOOD, "d": "AAAA"}, "badPublicKey"),
        ({"kty": "EC", "crv": "P-256", "x": GOOD["x"]}, "malformed"),
        ({**GOOD, "x": GOOD["x"] + "="}, "malformed"),
        ({"kty": "oct", "k": "c2VjcmV0"}, "badPublicKey"),
        ({"kty": "OKP", "crv": "X25519", "x": "A" * 43}, "badPublicKey"),
        ({**ED, "x": base64url.encode(bytes(31))}, "badPublicKey"),
        ({"kty": "RSA", "n": base64url.encode(b"\xff" * 128), "e": "AQAB"}, "badPublicKey"),
        ({"kty": "RSA", "n": base64url.encode(b"\xff" * 256), "e": "Aw"}, "badPublicKey"),
        ({"kty": "RSA", "n": base64url.encode(b"\xff" * 256), "e": "AQ"}, "badPublicKey"),
        ({"kty": "RSA", "n": base64url.encode(b"\xff" * 256), "e": "AQAA"}, "badPublicKey"),
        ({"kty": "RSA", "n": "_" * 4096, "e": "AQAB"}, "badPublicKey"),
        ({"kty": "nonsense"}, "badPublicKey"),
    ],
)
def test_unacceptable_keys(members: dict[str, str], name: str) -> None:
    with pytest.raises(ACMEError) as caught:
        read_public_key(msgspec.convert(members, JWK))
    assert caught.value.code == name


def test_thumbprint_depends_on_the_key_alone() -> None:
    dressed = msgspec.convert({**GOOD, "alg": "ES256"}, JWK)
    plain = msgspec.convert(GOOD, JWK)
    assert jwk.thumbprint(read_public_key(dressed)) == jwk.thumbprint(read_public_key(plain))


def test_rsa_members() -> None:
    key = rsa.generate_private_key(65537, 2048).public_key()
    assert jwk.required_members(key)["e"] == "AQAB"
    again = read_public_key(msgspec.convert(jwk.required_members(key), JWK))
    assert isinstance(again, rsa.RSAPublicKey)
    assert again.public_numbers() == key.public_numbers()


def test_x25519_bytes_are_not_an_ed25519_key_type() -> None:
    raw = x25519.X25519PrivateKey.generate().public_key().public_bytes_raw()
    with pytest.raises(ACMEError):
        read_public_key(JWK(kty="OKP", crv="X25519", x=base64url.encode(raw)))
