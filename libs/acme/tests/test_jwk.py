"""JSON Web Keys: what is accepted as an account key, and RFC 7638."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from joserfc import jwk as oracle

from newel.acme import base64url, jwk
from newel.acme.problems import AcmeError

# RFC 7638 §3.1
EXAMPLE = jwk.Jwk(
    kty="RSA",
    n=(
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJ"
        "ECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW"
        "2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQ"
        "Fh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    ),
    e="AQAB",
)


def test_thumbprint_of_the_rfcs_example() -> None:
    thumbprint = jwk.thumbprint(jwk.public_key(EXAMPLE))
    assert base64url.encode(thumbprint) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1(), None])
def test_round_trip_and_thumbprint_as_another_library_has_it(
    curve: ec.EllipticCurve | None,
) -> None:
    private = ec.generate_private_key(curve) if curve else ed25519.Ed25519PrivateKey.generate()
    members = jwk.required_members(private.public_key())
    decoded = msgspec.convert(members, jwk.Jwk)
    assert jwk.public_key(decoded) == private.public_key()
    there = oracle.import_key(dict(members), "EC" if curve else "OKP").thumbprint()
    assert base64url.encode(jwk.thumbprint(jwk.public_key(decoded))) == there


def members_of(key: jwk.PublicKey) -> dict[str, str]:
    return jwk.required_members(key)


GOOD = members_of(ec.generate_private_key(ec.SECP256R1()).public_key())
ED = members_of(ed25519.Ed25519PrivateKey.generate().public_key())


def test_secp256k1_has_no_place_here() -> None:
    with pytest.raises(AcmeError, match="curve"):
        jwk.required_members(ec.generate_private_key(ec.SECP256K1()).public_key())


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
    with pytest.raises(AcmeError) as caught:
        jwk.public_key(msgspec.convert(members, jwk.Jwk))
    assert caught.value.name == name


def test_thumbprint_depends_on_the_key_alone() -> None:
    dressed = msgspec.convert({**GOOD, "alg": "ES256"}, jwk.Jwk)
    plain = msgspec.convert(GOOD, jwk.Jwk)
    assert jwk.thumbprint(jwk.public_key(dressed)) == jwk.thumbprint(jwk.public_key(plain))


def test_rsa_members() -> None:
    key = rsa.generate_private_key(65537, 2048).public_key()
    assert jwk.required_members(key)["e"] == "AQAB"
    again = jwk.public_key(msgspec.convert(jwk.required_members(key), jwk.Jwk))
    assert isinstance(again, rsa.RSAPublicKey)
    assert again.public_numbers() == key.public_numbers()


def test_x25519_bytes_are_not_an_ed25519_key_type() -> None:
    raw = x25519.X25519PrivateKey.generate().public_key().public_bytes_raw()
    with pytest.raises(AcmeError):
        jwk.public_key(jwk.Jwk(kty="OKP", crv="X25519", x=base64url.encode(raw)))
