"""JSON Web Keys: the vectors of the RFCs, another library, and what is no key."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwk as oracle

from newel.crypto.keys import PrivateKey
from newel.jose import base64url, jwk
from newel.jose.errors import InvalidKeyError, JOSEError, MalformedError
from newel.jose.jwk import JWK

# RFC 7638 §3.1
EXAMPLE = JWK(
    kty="RSA",
    n=(
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJ"
        "ECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW"
        "2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQ"
        "Fh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    ),
    e="AQAB",
)
KEYS = [
    ec.generate_private_key(ec.SECP256R1()),
    ec.generate_private_key(ec.SECP384R1()),
    ec.generate_private_key(ec.SECP521R1()),
    ed25519.Ed25519PrivateKey.generate(),
    rsa.generate_private_key(65537, 2048),
]


def test_thumbprint_of_the_rfcs_example() -> None:
    text = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert base64url.encode(EXAMPLE.thumbprint()) == text
    assert base64url.encode(jwk.thumbprint(jwk.to_public_key(EXAMPLE))) == text


@pytest.mark.parametrize("key", KEYS, ids=lambda key: type(key).__name__)
def test_round_trip_and_thumbprint_as_another_library_has_it(key: PrivateKey) -> None:
    private = jwk.from_private_key(key)
    public = private.without_private_members()
    assert jwk.to_private_key(private).public_key() == key.public_key()
    assert jwk.to_public_key(public) == key.public_key()
    assert private.is_private
    assert not public.is_private
    assert private.d
    assert private.d not in repr(private)
    assert private.kid == base64url.encode(private.thumbprint())
    assert private.thumbprint() == jwk.thumbprint(key.public_key())
    there = oracle.import_key(msgspec.to_builtins(private))
    assert there.thumbprint() == private.kid
    with pytest.raises(InvalidKeyError, match="no private key"):
        jwk.to_private_key(public)


GOOD = msgspec.to_builtins(jwk.from_private_key(KEYS[0]))
RSA = msgspec.to_builtins(jwk.from_private_key(KEYS[4]))
ED = msgspec.to_builtins(jwk.from_private_key(KEYS[3]))


@pytest.mark.attack("A09")
@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({**GOOD, "x": GOOD["y"]}, InvalidKeyError),  # off the curve
        ({**GOOD, "x": "A" * 43, "y": "A" * 43}, InvalidKeyError),
        ({**GOOD, "x": base64url.encode(base64url.decode(GOOD["x"])[1:])}, InvalidKeyError),
        ({**GOOD, "crv": "P-192"}, InvalidKeyError),
        ({**GOOD, "crv": "secp256k1"}, InvalidKeyError),
        ({"kty": "EC", "crv": "P-256", "x": GOOD["x"]}, MalformedError),
        ({**GOOD, "x": GOOD["x"] + "="}, MalformedError),
        ({"kty": "oct", "k": "c2VjcmV0"}, InvalidKeyError),
        ({"kty": "OKP", "crv": "X25519", "x": "A" * 43}, InvalidKeyError),
        ({"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(bytes(31))}, InvalidKeyError),
        ({**RSA, "n": "A" * 10_000}, InvalidKeyError),
        ({**RSA, "e": "AQAA"}, InvalidKeyError),
        ({**RSA, "e": "A" * 12}, InvalidKeyError),
        ({**RSA, "n": "AQAB"}, InvalidKeyError),
        ({"kty": "nonsense"}, InvalidKeyError),
    ],
)
def test_unacceptable_public_keys(members: dict[str, str], error: type[JOSEError]) -> None:
    with pytest.raises(error):
        jwk.to_public_key(msgspec.convert(members, JWK))


@pytest.mark.parametrize(
    "members",
    [
        {**GOOD, "d": jwk.from_private_key(ec.generate_private_key(ec.SECP256R1())).d},
        {**GOOD, "d": "AA"},
        {**ED, "d": base64url.encode(bytes(32))},
        {**ED, "d": "AA"},
        {**RSA, "p": RSA["q"]},
        {name: text for name, text in RSA.items() if name != "qi"},
        {**RSA, "d": RSA["d"] + "="},
    ],
)
def test_private_keys_that_do_not_fit(members: dict[str, str]) -> None:
    with pytest.raises(JOSEError):
        jwk.to_private_key(msgspec.convert(members, JWK))


def test_secp256k1_has_no_jwk() -> None:
    with pytest.raises(InvalidKeyError, match="curve"):
        jwk.from_public_key(ec.generate_private_key(ec.SECP256K1()).public_key())


def test_thumbprints_of_other_kinds() -> None:
    assert len(JWK(kty="oct", k="c2VjcmV0").thumbprint()) == 32
    assert len(JWK(kty="OKP", crv="X25519", x="A" * 43).thumbprint()) == 32
    with pytest.raises(InvalidKeyError):
        JWK(kty="nonsense").thumbprint()
    with pytest.raises(MalformedError):
        JWK(kty="EC", crv="P-256", x="AA").thumbprint()
