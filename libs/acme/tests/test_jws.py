"""Flattened JSON JWS under the rules of RFC 8555 §6.2."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwk as oracle_jwk
from joserfc import jws as oracle

from newel.acme import jws
from newel.acme.account_keys import read_public_key
from newel.acme.problems import ACMEError
from newel.crypto.keys import PrivateKey
from newel.jose import base64url, jwk
from newel.jose import jws as signatures

P256 = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
KEYS: dict[str, PrivateKey] = {
    "ES256": P256,
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "RS256": RSA,
}
URL = "https://ca.example/acme/acme/new-order"


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(ACMEError) as caught:
        action()
    return caught.value.code


def sign_header(head: dict[str, Any], payload: bytes = b"{}", /, **extra: Any) -> bytes:
    """A JWS with any header at all, correctly signed by P256."""
    protected = base64url.encode(msgspec.json.encode(head))
    text = base64url.encode(payload)
    signature = signatures.sign(P256, "ES256", f"{protected}.{text}".encode())
    parts = {"protected": protected, "payload": text, "signature": base64url.encode(signature)}
    return msgspec.json.encode({**parts, **extra})


HEADER: dict[str, Any] = {"alg": "ES256", "url": URL, "nonce": "abc", "kid": "https://x/1"}


@pytest.mark.parametrize("algorithm", KEYS)
def test_what_is_signed_verifies_here_and_elsewhere(algorithm: str) -> None:
    private = KEYS[algorithm]
    body = jws.sign(b'{"a":1}', private, url=URL, nonce="n1")
    parsed = jws.parse_request(body)
    assert parsed.protected.alg == algorithm
    assert parsed.protected.jwk is not None
    key = read_public_key(parsed.protected.jwk)
    jws.verify(parsed, key)
    assert parsed.payload == b'{"a":1}'
    there = oracle_jwk.import_key(dict(jwk.required_members(key)))  # pyright: ignore[reportArgumentType]
    algorithm_there = oracle.JWSRegistry.algorithms[algorithm]
    assert algorithm_there.verify(parsed.signing_input, parsed.signature, there)


@pytest.mark.attack("T03")
@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256K", "", "es256"])
def test_unknown_algorithms(algorithm: str) -> None:
    assert (
        refusal(lambda: jws.parse_request(sign_header({**HEADER, "alg": algorithm})))
        == "badSignatureAlgorithm"
    )


@pytest.mark.attack("T03")
@pytest.mark.parametrize("algorithm", ["ES384", "RS256", "EdDSA", "PS256"])
def test_the_key_pins_the_algorithm(algorithm: str) -> None:
    parsed = jws.parse_request(sign_header({**HEADER, "alg": algorithm}))
    assert refusal(lambda: jws.verify(parsed, P256.public_key())) == "badSignatureAlgorithm"
    for key in (RSA.public_key(), KEYS["EdDSA"].public_key()):
        wrong = jws.parse_request(sign_header({**HEADER, "alg": "ES256"}))
        assert (
            refusal(lambda key=key, wrong=wrong: jws.verify(wrong, key)) == "badSignatureAlgorithm"
        )


@pytest.mark.attack("A03")
def test_jwk_and_kid_exclude_each_other_and_one_is_needed() -> None:
    public = jwk.required_members(P256.public_key())
    assert refusal(lambda: jws.parse_request(sign_header({**HEADER, "jwk": public}))) == "malformed"
    bare = {name: value for name, value in HEADER.items() if name != "kid"}
    assert refusal(lambda: jws.parse_request(sign_header(bare))) == "malformed"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ({**HEADER, "nonce": ""}, "badNonce"),
        ({k: v for k, v in HEADER.items() if k != "nonce"}, "badNonce"),
        ({k: v for k, v in HEADER.items() if k != "url"}, "malformed"),
        ({**HEADER, "crit": ["b64"], "b64": False}, "malformed"),
        ({**HEADER, "url": 7}, "malformed"),
        ({**HEADER, "jwk": "x"}, "malformed"),
        ({"url": URL}, "malformed"),
    ],
)
def test_headers_that_break_a_rule(header: dict[str, Any], name: str) -> None:
    assert refusal(lambda: jws.parse_request(sign_header(header))) == name


@pytest.mark.parametrize(
    "extra", [{"header": {"alg": "ES256"}}, {"signatures": []}, {"header": None}]
)
def test_unprotected_headers_and_the_general_form(extra: dict[str, Any]) -> None:
    assert refusal(lambda: jws.parse_request(sign_header(HEADER, **extra))) == "malformed"


def test_an_unprotected_header_that_says_nothing_is_none() -> None:
    for body in (
        sign_header(HEADER, header={}),
        sign_header(HEADER).replace(b"{", b'{"header": {\n },', 1),
    ):
        assert jws.parse_request(body).protected.url == URL


def test_padding_is_malformed() -> None:
    parts = msgspec.json.decode(sign_header(HEADER, b"{}x"))
    for name in ("protected", "payload", "signature"):
        bad = {**parts, name: parts[name] + "="}
        assert refusal(lambda bad=bad: jws.parse_request(msgspec.json.encode(bad))) == "malformed"


@pytest.mark.attack("P09")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b"\xff\xfe",
        b"a.b.c",
        b"." * 1_000_000,
        b"[" * 100_000,
        b'{"protected":' + b"[" * 100_000,
        b'{"header":' + b'{"a":' * 20_000,
        b'{"protected":"e30","payload":"","signature":""}',
        b'{"protected":"' + b"A" * 200_000 + b'","payload":"","signature":""}',
    ],
)
def test_bombs_and_nonsense_are_malformed(body: bytes) -> None:
    assert refusal(lambda: jws.parse_request(body)) == "malformed"


def test_a_changed_payload_or_signature_does_not_verify() -> None:
    parts = msgspec.json.decode(sign_header(HEADER, b'{"a":1}'))
    changed = {**parts, "payload": base64url.encode(b'{"a":2}')}
    cut = {**parts, "signature": base64url.encode(base64url.decode(parts["signature"])[:-1])}
    zero = {**parts, "signature": base64url.encode(bytes(64))}
    for bad in (changed, cut, zero):
        parsed = jws.parse_request(msgspec.json.encode(bad))
        assert refusal(lambda parsed=parsed: jws.verify(parsed, P256.public_key())) == "malformed"


def test_post_as_get_is_the_empty_string_and_not_an_empty_object() -> None:
    assert jws.parse_request(jws.sign(b"", P256, url=URL, nonce="n", kid="k")).payload == b""
    assert jws.parse_request(jws.sign(b"{}", P256, url=URL, nonce="n", kid="k")).payload == b"{}"


def test_unknown_header_members_are_ignored() -> None:
    jws.verify(
        jws.parse_request(sign_header({**HEADER, "typ": "x", "x5u": "https://evil/"})),
        P256.public_key(),
    )


def test_a_key_signs_by_its_own_algorithm_only() -> None:
    jws.require_algorithm_of(P256.public_key(), "ES256")
    with pytest.raises(ACMEError) as caught:
        jws.require_algorithm_of(P256.public_key(), "RS256")
    assert caught.value.code == "badSignatureAlgorithm"
