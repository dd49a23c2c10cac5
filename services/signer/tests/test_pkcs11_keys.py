"""Keys in a real token: every kind signs, nothing comes out, and a lost token comes back."""

import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from newel.crypto import keys
from newel.crypto.keys import KeyKind
from newel.signer.keys import KeyExistsError, KeyUnavailableError
from newel.signer.keystore.pkcs11.generate import generate
from newel.signer.keystore.pkcs11.key import KeyReference, TokenKey
from newel.signer.keystore.pkcs11.token import Token, open_token

KINDS = [KeyKind.P256, KeyKind.P384, KeyKind.RSA2048, KeyKind.ED25519]


def reference() -> KeyReference:
    name = secrets.token_hex(4)
    return KeyReference(label=name, id=name.encode())


@pytest.fixture
def token(hsm: Any) -> Token:
    return open_token(hsm.library, "first", hsm.pin_file, sessions=4)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_key_signs_what_its_public_half_verifies(token: Token, kind: KeyKind) -> None:
    key = generate(token, reference(), kind)
    body = secrets.token_bytes(3000)
    keys.verify(key.public_key, key.sign(body), body)


def test_a_key_is_never_made_over_another(token: Token) -> None:
    name = reference()
    generate(token, name, KeyKind.P256)
    with pytest.raises(KeyExistsError):
        generate(token, name, KeyKind.P256)


def test_a_key_that_could_leave_the_token_is_not_used(token: Token) -> None:
    from pkcs11 import Attribute, KeyType

    name = reference()
    token.write(
        lambda opened: opened.session.generate_keypair(
            KeyType.RSA,
            2048,
            store=True,
            label=name.label,
            id=name.id,
            private_template={Attribute.EXTRACTABLE: True},
        )
    )
    with pytest.raises(keys.InvalidKeyError, match="private key can be exported"):
        TokenKey(token, name).sign(b"anything")


def test_threads_share_the_sessions(token: Token) -> None:
    key = generate(token, reference(), KeyKind.P256)
    bodies = [secrets.token_bytes(100) for _ in range(400)]
    with ThreadPoolExecutor(16) as threads:
        signatures = list(threads.map(key.sign, bodies))
    for body, signature in zip(bodies, signatures, strict=True):
        keys.verify(key.public_key, signature, body)


def eventually(attempt: Callable[[], bytes]) -> bytes:
    deadline = time.monotonic() + 10
    while True:
        try:
            return attempt()
        except KeyUnavailableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@pytest.mark.attack("X06")
def test_a_token_that_is_taken_away_is_unavailable_and_comes_back(token: Token, hsm: Any) -> None:
    key = generate(token, reference(), KeyKind.P256)
    key.sign(b"before")
    away = hsm.folder.with_name("away")
    hsm.folder.rename(away)
    hsm.folder.mkdir()
    try:
        with pytest.raises(KeyUnavailableError, match="'first' fails"):
            key.sign(b"while it is unreachable")
    finally:
        hsm.folder.rmdir()
        away.rename(hsm.folder)
    keys.verify(key.public_key, eventually(lambda: key.sign(b"after")), b"after")


@pytest.mark.attack("X06")
def test_a_token_that_holds_another_key_is_not_used(token: Token, hsm: Any) -> None:
    name = reference()
    key = generate(token, name, KeyKind.P256)
    second = open_token(hsm.library, "second", hsm.pin_file, sessions=1)
    generate(second, name, KeyKind.P256)
    key._token = second  # pyright: ignore[reportPrivateUsage] - the slot now holds a token by the same name
    with pytest.raises(KeyUnavailableError, match="another key"):
        key.sign(b"anything")


@pytest.mark.attack("X06")
def test_a_refused_pin_is_offered_once(hsm: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "pin"
    wrong.write_text("000000")
    wrong.chmod(0o600)
    token = open_token(hsm.library, "third", wrong, sessions=1)
    for _ in range(5):
        with pytest.raises(KeyUnavailableError, match="refuses the PIN") as refusal:
            TokenKey(token, KeyReference(label="any"))
        assert "000000" not in str(refusal.value)
    # The right one still works: five wrong offers would have locked the token
    right = open_token(hsm.library, "third", hsm.pin_file, sessions=1)
    generate(right, reference(), KeyKind.P256)
