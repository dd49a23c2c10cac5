"""JWK sets: which keys count, and how a token finds its own."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.authority import EPOCH
from newel.crypto import keys
from newel.jose import jwk, jws
from newel.registration.provisioners.key_sets import MAX_KEYS, KeySet, parse_key_set
from newel.runtime.errors import ErrorType, NewelError
from newel.step import tokens

_KEY = keys.generate()
_OTHER = keys.generate()
_RSA = keys.generate("RSA-2048")


def public(key: keys.PrivateKey, **changes: Any) -> dict[str, Any]:
    """A key as a set has it; None takes a member away."""
    members = msgspec.to_builtins(jwk.from_public_key(key.public_key())) | changes
    return {name: value for name, value in members.items() if value is not None}


def key_set(*members: dict[str, Any]) -> KeySet:
    return parse_key_set(json.dumps({"keys": members}).encode())


def token(key: keys.PrivateKey, kid: str | None = None, alg: str = "") -> tokens.UnverifiedToken:
    header: dict[str, Any] = {"alg": alg or jws.default_algorithm(key)}
    if kid is not None:
        header["kid"] = kid
    payload = msgspec.json.encode({"sub": "a", "exp": EPOCH.timestamp()})
    return tokens.parse(jws.sign_compact(msgspec.json.encode(header), payload, key, alg=alg))


def refuse(keys_of: KeySet, unverified: tokens.UnverifiedToken) -> str:
    with pytest.raises(NewelError) as caught:
        keys_of.verify(unverified)
    assert caught.value.type is ErrorType.UNAUTHORIZED
    return caught.value.cause


def test_a_token_is_verified_by_the_key_it_names() -> None:
    both = key_set(public(_KEY, kid="a"), public(_RSA, kid="b"))
    assert both.verify(token(_KEY, "a")).claims.sub == "a"
    assert both.verify(token(_RSA, "b")).claims.sub == "a"
    assert refuse(both, token(_KEY, "c")) == "the key set has no key 'c'"
    assert refuse(both, token(_KEY, "b")) == "the token's signature is none of the key set's"
    assert refuse(both, token(_OTHER, "a")) == "the token's signature is none of the key set's"


def test_a_token_without_a_key_id_is_verified_where_there_is_one_key() -> None:
    assert key_set(public(_KEY, kid="a")).verify(token(_KEY)).claims.sub == "a"
    mixed = key_set(public(_KEY, kid=None), public(_RSA, kid="b"))
    assert mixed.verify(token(_KEY)).claims.sub == "a"
    two = key_set(public(_KEY, kid="a"), public(_OTHER, kid="b"))
    assert refuse(two, token(_KEY)) == "the key set has no key ''"


@pytest.mark.attack("T11")
def test_t11_keys_that_share_an_id_are_each_tried_and_no_other() -> None:
    twice = key_set(public(_KEY, kid="a"), public(_OTHER, kid="a"), public(_RSA, kid="b"))
    assert twice.verify(token(_KEY, "a")).claims.sub == "a"
    assert twice.verify(token(_OTHER, "a")).claims.sub == "a"
    refuse(twice, token(_RSA, "a"))


def test_a_key_verifies_with_its_own_algorithm_alone() -> None:
    own = key_set(public(_RSA, kid="a", alg="RS256"))
    assert own.verify(token(_RSA, "a")).claims.sub == "a"
    refuse(own, token(_RSA, "a", alg="PS256"))
    free = key_set(public(_RSA, kid="a", alg=None))
    assert free.verify(token(_RSA, "a", alg="PS256")).claims.sub == "a"


def test_keys_that_verify_nothing_are_passed_over() -> None:
    private = msgspec.to_builtins(jwk.from_private_key(_OTHER, kid="private"))
    mixed = key_set(
        public(_KEY, kid="a", x5c=["!"], key_ops=["verify"]),
        public(_OTHER, kid="encryption", use="enc"),
        public(_OTHER, kid="wraps", use=None, key_ops=["wrapKey"]),
        public(_OTHER, kid="other algorithm", alg="ES384"),
        public(_OTHER, kid="bad point", x="AAAA"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "symmetric"},
        {"kty": "AKP", "kid": "future", "pub": "AA"},
        {"kty": "EC", "kid": 5},
        {name: value for name, value in private.items() if value is not None},
    )
    assert mixed.size == 1
    assert mixed.has("a")
    # it is the only key, so it needs no id
    assert mixed.has("")


def test_what_is_no_usable_set_is_an_error() -> None:
    for data, text in (
        (b"", "not a JWK set"),
        (b"[]", "not a JWK set"),
        (b'{"keys": 1}', "not a JWK set"),
        (b'{"keys": []}', "no key that verifies"),
        (b'{"keys": [1, "a", null, {}]}', "no key that verifies"),
        (b"[" * 100_000, "not a JWK set"),
        (b'{"keys":' + b"[" * 100_000, "not a JWK set"),
    ):
        with pytest.raises(ValueError, match=text):
            parse_key_set(data)
    many = [{"kty": "EC"}] * (MAX_KEYS + 1)
    with pytest.raises(ValueError, match="more than 200"):
        key_set(*many)


_GOOD = json.dumps({"keys": [public(_KEY, kid="a"), public(_RSA, kid="b")]}).encode()


@settings(deadline=None)
@given(st.integers(0, len(_GOOD) - 1), st.binary(min_size=1, max_size=4))
def test_a_changed_set_is_read_or_refused(place: int, octets: bytes) -> None:
    changed = _GOOD[:place] + octets + _GOOD[place + len(octets) :]
    try:
        size = parse_key_set(changed).size
    except ValueError:
        size = 0
    assert size <= 2
