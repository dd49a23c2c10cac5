"""Signatures: RFC vectors, another library, and what must not verify."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from joserfc import jwk as oracle_jwk
from joserfc import jws as oracle

from newel.crypto.keys import PrivateKey, PublicKey
from newel.jose import base64url, jwk, jws
from newel.jose.errors import AlgorithmMismatchError, InvalidKeyError, InvalidSignatureError

P256 = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
KEYS: dict[str, PrivateKey] = {
    "ES256": P256,
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), RSA),
}


def oracle_key(key: PublicKey) -> oracle_jwk.Key:
    return oracle_jwk.import_key(dict(jwk.required_members(key)))  # pyright: ignore[reportArgumentType]


def test_the_algorithms_are_these() -> None:
    assert set(jws.ALGORITHMS) == set(KEYS)


@pytest.mark.parametrize("algorithm", KEYS)
def test_what_is_signed_verifies_here_and_elsewhere(algorithm: str) -> None:
    key = KEYS[algorithm]
    signature = jws.sign(key, algorithm, b"message")
    jws.verify(key.public_key(), algorithm, b"message", signature)
    model = oracle.JWSRegistry.algorithms[algorithm]
    assert model.verify(b"message", signature, oracle_key(key.public_key()))
    assert algorithm in jws.algorithms_for(key.public_key())


def test_the_ecdsa_example_of_rfc_7515() -> None:
    key = jwk.to_public_key(
        jwk.JWK(
            kty="EC",
            crv="P-256",
            x="f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            y="x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        )
    )
    signing_input = (
        b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        b"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    )
    signature = base64url.decode(
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    )
    jws.verify(key, "ES256", signing_input, signature)
    with pytest.raises(InvalidSignatureError):
        jws.verify(key, "ES256", signing_input + b"x", signature)


@pytest.mark.attack("T03")
@pytest.mark.parametrize("algorithm", ["none", "", "HS256", "ES256K", "es256", "RS1", "ES384"])
def test_the_key_pins_the_algorithm(algorithm: str) -> None:
    others = [KEYS["ES256"], KEYS["EdDSA"], KEYS["RS256"]]
    for key in others:
        with pytest.raises(AlgorithmMismatchError):
            jws.verify(key.public_key(), algorithm, b"message", b"")
        with pytest.raises(AlgorithmMismatchError):
            jws.sign(key, algorithm, b"message")
    with pytest.raises(AlgorithmMismatchError):
        jws.verify(KEYS["RS256"].public_key(), "ES256", b"message", b"")
    with pytest.raises(AlgorithmMismatchError):
        jws.verify_mac(b"secret", "ES256", b"message", b"")


@pytest.mark.parametrize("algorithm", KEYS)
def test_changed_signatures_do_not_verify(algorithm: str) -> None:
    key = KEYS[algorithm]
    signature = jws.sign(key, algorithm, b"message")
    for bad in (signature[:-1], signature + b"\0", b"", bytes(len(signature)), signature[::-1]):
        with pytest.raises(InvalidSignatureError):
            jws.verify(key.public_key(), algorithm, b"message", bad)


def test_an_ecdsa_signature_in_der_is_refused() -> None:
    signature = jws.sign(P256, "ES256", b"message")
    der = encode_dss_signature(
        int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    )
    with pytest.raises(InvalidSignatureError):
        jws.verify(P256.public_key(), "ES256", b"message", der)


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256K1()).public_key(),
        ed448.Ed448PrivateKey.generate().public_key(),
        rsa.generate_private_key(65537, 1024).public_key(),  # noqa: S505 - it must be refused
        b"octets",
    ],
    ids=lambda key: type(key).__name__,
)
def test_keys_that_verify_nothing(key: object) -> None:
    with pytest.raises(InvalidKeyError):
        jws.algorithms_for(key)
    for algorithm in (*jws.ALGORITHMS, ""):
        with pytest.raises(InvalidSignatureError):
            jws.verify(key, algorithm, b"message", bytes(64))


def test_a_verifying_key_is_returned_as_it_is() -> None:
    key = P256.public_key()
    assert jws.require_verifying_key(key) is key
    with pytest.raises(InvalidKeyError):
        jws.require_verifying_key(b"octets")


def test_a_key_has_a_default_algorithm() -> None:
    assert jws.default_algorithm(RSA) == "RS256"
    assert jws.default_algorithm(KEYS["EdDSA"]) == "EdDSA"
    assert jws.default_algorithm(KEYS["ES384"]) == "ES384"
    assert jws.default_algorithm(jws.ExternalSigner("PS256", bytes)) == "PS256"


def backwards(data: bytes) -> bytes:
    return data[::-1]


def test_compact_serialization_with_other_signers() -> None:
    text = jws.sign_compact(b'{"alg":"ES256"}', b"{}", P256)
    head, body, signature = text.split(".")
    assert (base64url.decode(head), base64url.decode(body)) == (b'{"alg":"ES256"}', b"{}")
    signing_input = f"{head}.{body}".encode()
    jws.verify(P256.public_key(), "ES256", signing_input, base64url.decode(signature))
    by_other = jws.sign_compact(b"{}", b"{}", jws.ExternalSigner("X", backwards))
    assert base64url.decode(by_other.split(".")[2]) == b"e30.e30"[::-1]


def test_mac_of_rfc_7515() -> None:
    secret = base64url.decode(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
    )
    signing_input = (
        b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAs"
        b"DQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    )
    mac = base64url.decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    jws.verify_mac(secret, "HS256", signing_input, mac)
    for bad in (mac[:-1], b"", bytes(32)):
        with pytest.raises(InvalidSignatureError):
            jws.verify_mac(secret, "HS256", signing_input, bad)
    with pytest.raises(InvalidSignatureError):
        jws.verify_mac(secret + b"x", "HS256", signing_input, mac)
