"""Whatever a file holds, a command ends with one clear line: never with a traceback."""

import contextlib
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newel.cli.errors import CliError
from newel.cli.jose import jose_key, jose_keys, jwe_messages, jwk_files, jws_messages
from newel.cli.operations.crypto import otp_keys, windows_executables
from newel.cli.operations.keys import key_files
from newel.cli.operations.keys.key_choice import KeyChoice, generate
from newel.cli.operations.keys.key_output import openssh_public, private_pem, public_pem
from newel.jose import base64url

KEYS = [generate(KeyChoice("EC", "P-256", 0)), generate(KeyChoice("OKP", "Ed25519", 0))]
FILES = [
    *(private_pem(key) for key in KEYS),
    *(private_pem(key, pkcs8=True) for key in KEYS),
    *(public_pem(key.public_key()) for key in KEYS),
    *(openssh_public(key.public_key()) for key in KEYS),
    *(json.dumps(jwk_files.of_key(key)).encode() for key in KEYS),
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


def quietly(read: Callable[..., Any], *arguments: Any) -> None:
    """Runs a reader, which may say no."""
    with contextlib.suppress(CliError):
        read(*arguments)


def header_in(data: bytes) -> dict[str, Any]:
    return jwe_messages.header_of(jwe_messages.compact(data))


@st.composite
def damage_octets(draw: st.DrawFn) -> bytes:
    """A key file with some octets cut out and others put in."""
    data = draw(st.sampled_from(FILES))
    start = draw(st.integers(0, len(data)))
    end = draw(st.integers(start, min(len(data), start + 12)))
    return data[:start] + draw(st.binary(max_size=12)) + data[end:]


@given(damage_octets())
@settings(max_examples=300, deadline=None)
def test_damaged_key_files(data: bytes) -> None:
    # a prompt cannot be answered here: without a terminal it is an error like any other
    quietly(key_files.parse, data, "file", "/dev/null")


@given(st.sampled_from(FILES), st.floats(0, 0.95))
@settings(max_examples=200, deadline=None)
def test_a_key_file_that_was_cut_off_is_refused(data: bytes, share: float) -> None:
    with pytest.raises(CliError):
        key_files.parse(data[: int(len(data) * share)], "file", "/dev/null")


@given(st.sampled_from(FILES[:6]), st.data())
@settings(max_examples=200, deadline=None)
def test_a_key_file_with_other_letters_in_it_is_no_other_key(
    data: bytes, draw: st.DataObject
) -> None:
    """It is refused, or the letter did not matter: no damage makes a key that does not sign for its own half."""
    lines = data.splitlines()
    at = draw.draw(st.integers(len(lines[0]) + 1, len(data) - len(lines[-1]) - 3))
    changed = data[:at] + draw.draw(st.sampled_from([b"#", b"\xe9", b"-", b"="])) + data[at + 1 :]
    if data[at : at + 1] not in b"\n=":
        with pytest.raises(CliError):
            key_files.parse(changed, "file", "/dev/null")


@given(st.text(max_size=30).filter(lambda text: text.count(".") != 2))
@settings(max_examples=100, deadline=None)
def test_what_is_no_compact_message_is_refused(text: str) -> None:
    with pytest.raises(CliError):
        jws_messages.parse(text)
    with pytest.raises(CliError):
        jwe_messages.compact(text.encode(errors="replace"))


@given(st.dictionaries(st.sampled_from(jwk_files.MEMBERS), json_values, max_size=6))
@settings(max_examples=200, deadline=None)
def test_jwks_of_the_wrong_types(jwk: dict[str, Any]) -> None:
    for kty in ("EC", "RSA", "OKP", "oct", jwk.get("kty")):
        text = json.dumps(jwk | {"kty": kty}).encode()
        quietly(jwk_files.parse, text, "file", "/dev/null")
        quietly(jose_keys.keys_of_set, b'{"keys": [%s]}' % text, "file")


@given(json_values, json_values, st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_messages_of_the_wrong_shape(header: Any, payload: Any, text: str) -> None:
    encoded = [base64url.encode(json.dumps(part).encode()) for part in (header, payload)]
    quietly(jws_messages.parse, ".".join((*encoded, "AA")))
    quietly(jws_messages.parse, text)
    members = {"protected": encoded[0], "payload": payload, "signature": "AA", "header": header}
    quietly(jws_messages.parse, json.dumps(members))
    quietly(jws_messages.parse, json.dumps({"signatures": payload, "payload": header}))
    for jwe in (
        text.encode(errors="replace"),
        ".".join((encoded[0], "AA", "AA", "AA", "AA")).encode(),
        json.dumps({"protected": header, "ciphertext": payload}).encode(),
        json.dumps({"protected": encoded[0], "recipients": payload, "ciphertext": ""}).encode(),
    ):
        quietly(header_in, jwe)
        quietly(jwe_messages.decrypt_with_password, jwe, b"password")


@given(
    st.fixed_dictionaries(
        {"alg": st.sampled_from(["PBES2-HS256+A128KW", "PBES2-HS512+A256KW"]) | json_values},
        optional={
            "enc": st.sampled_from(["A256GCM", "A128CBC-HS256"]) | json_values,
            "p2c": st.integers(-1, 20) | json_values,
            "p2s": st.just("AAAA") | json_values,
        },
    ),
    st.lists(st.sampled_from(["", "AA", "A", "A" * 54, "=", "é"]), min_size=4, max_size=4),
)
@settings(max_examples=200, deadline=None)
def test_password_messages_of_the_wrong_shape(header: dict[str, Any], parts: list[str]) -> None:
    message = ".".join((base64url.encode(json.dumps(header).encode()), *parts)).encode()
    quietly(jwe_messages.decrypt_with_password, message, b"password")
    key = jose_key.JOSEKey(b"k" * 32, {"kty": "oct"})
    quietly(lambda: jwe_messages.decrypt(jwe_messages.compact(message), key))


@given(st.binary(max_size=40) | st.text(max_size=60).map(str.encode))
@settings(max_examples=200, deadline=None)
def test_secrets_and_executables(data: bytes) -> None:
    quietly(otp_keys.parse, data.decode(errors="replace"))
    quietly(otp_keys.parse, "otpauth://totp/a?" + data.decode(errors="replace"))
    quietly(windows_executables.signature, io.BytesIO(data))
    quietly(windows_executables.certificates, data)
    start = b"MZ".ljust(60, b"\0") + b"\x40\0\0\0PE\0\0" + bytes(20) + b"\x0b\x01"
    quietly(windows_executables.signature, io.BytesIO(start + bytes(126) + data))


@pytest.mark.parametrize(
    "url",
    [
        "otpauth://totp/a?secret=AAAA&digits=x",
        "otpauth://totp/a?secret=AAAA&algorithm=md5",
        "otpauth://[",
    ],
)
def test_key_uris_that_are_none(url: str) -> None:
    with pytest.raises(CliError):
        otp_keys.parse(url)
