"""Encryption under passwords and for keys, against the real step and with hostile messages."""

import json
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from fixtures.running import others
from newel.jose import base64url, jwe, jwk
from newel.jose.errors import DecryptionError, JOSEError, MalformedError
from newel.jose.jwk import JWK

STEP = others("step")  # not our own alias of the same name
P256 = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)


def test_encryption_opens_with_its_password_only() -> None:
    sealed = jwe.encrypt_with_password(b"{}", b"secret", rounds=1000)
    assert jwe.decrypt_with_password(sealed, b"secret") == b"{}"
    with pytest.raises(DecryptionError):
        jwe.decrypt_with_password(sealed, b"Secret")
    head, rest = sealed.split(".", 1)
    for bad in ("", "a.b", rest, head[:-4] + "." + rest, sealed + ".x", "A" * 100_000):
        with pytest.raises(JOSEError):
            jwe.decrypt_with_password(bad, b"secret")


def test_a_hostile_round_count_is_not_worked_off() -> None:
    header = {"alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "p2c": 10**9, "p2s": "AAAA"}
    sealed = jwe.encrypt_with_password(b"{}", b"x", rounds=1)
    hostile = base64url.encode(json.dumps(header).encode()) + sealed[sealed.index(".") :]
    with pytest.raises(MalformedError, match="malformed"):
        jwe.decrypt_with_password(hostile, b"x")


@pytest.mark.needs("step")
def test_the_real_step_reads_ours_and_we_read_its(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("secret\n")
    create = f"{STEP} crypto jwk create pub.json priv.json --password-file pw"
    subprocess.run(create.split(), cwd=tmp_path, check=True, capture_output=True)
    flat = json.loads((tmp_path / "priv.json").read_text())
    members = ("protected", "encrypted_key", "iv", "ciphertext", "tag")
    plain = jwe.decrypt_with_password(".".join(flat[member] for member in members), b"secret")
    theirs = msgspec.json.decode(plain, type=JWK)
    public = msgspec.json.decode((tmp_path / "pub.json").read_bytes(), type=JWK)
    assert jwk.to_private_key(theirs).public_key() == jwk.to_public_key(public)
    assert base64url.encode(public.thumbprint()) == public.kid
    ours = jwk.from_private_key(ec.generate_private_key(ec.SECP256R1()))
    sealed = jwe.encrypt_with_password(msgspec.json.encode(ours), b"secret")
    opened = subprocess.run(
        ["step", "crypto", "jwe", "decrypt", "--password-file", "pw"],
        cwd=tmp_path,
        input=sealed.encode(),
        check=True,
        capture_output=True,
    )
    assert msgspec.json.decode(opened.stdout, type=JWK) == ours


@pytest.mark.parametrize("alg", jwe.PASSWORD_ALGORITHMS)
@pytest.mark.parametrize("enc", ["A128GCM", "A256GCM", "A128CBC-HS256", "A256CBC-HS512", "C20P"])
def test_every_way_under_a_password(alg: str, enc: str) -> None:
    text = jwe.encrypt_with_password(b"{}", b"", {"alg": alg, "enc": enc}, rounds=1000)
    assert jwe.decrypt_with_password(text, b"") == b"{}"
    with pytest.raises(DecryptionError):
        jwe.decrypt_with_password(text, b"x")


@pytest.mark.parametrize(
    ("key", "alg"),
    [
        *((P256, alg) for alg in ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW")),
        *((RSA, alg) for alg in ("RSA1_5", "RSA-OAEP", "RSA-OAEP-256")),
        *((bytes(16), alg) for alg in ("A128KW", "A128GCMKW", "dir")),
    ],
)
@pytest.mark.parametrize("enc", ["A128GCM", "C20P"])
def test_every_way_for_a_key(key: Any, alg: str, enc: str) -> None:
    if alg == "dir" and enc == "C20P":
        key = bytes(32)
    public = key if isinstance(key, bytes) else key.public_key()
    text = jwe.encrypt(b"text", public, {"alg": alg, "enc": enc, "kid": "k"})
    assert jwe.read_header(text)["kid"] == "k"
    assert jwe.decrypt(text, key) == b"text"
    other = ec.generate_private_key(ec.SECP256R1()) if alg.startswith("ECDH") else b"x" * 16
    with pytest.raises(DecryptionError):
        jwe.decrypt(text, other)
    with pytest.raises(MalformedError, match="not encrypted with a password"):
        jwe.decrypt_with_password(text, b"x")


def test_keys_and_algorithms_that_do_not_fit() -> None:
    for key, alg in ((P256.public_key(), "RSA-OAEP"), (RSA.public_key(), "dir"), (b"x", "A128KW")):
        with pytest.raises(JOSEError):
            jwe.encrypt(b"", key, {"alg": alg, "enc": "A128GCM"})
    with pytest.raises(JOSEError):
        jwe.encrypt_with_password(b"", b"x", {"alg": jwe.PASSWORD_ALGORITHMS[0], "enc": "none"})
    with pytest.raises(JOSEError):
        signs = ed25519.Ed25519PrivateKey.generate().public_key()
        jwe.encrypt(b"", signs, {"alg": "ECDH-ES", "enc": "A128GCM"})


def test_both_serializations() -> None:
    text = jwe.encrypt(b"text", bytes(16), {"alg": "dir", "enc": "A128GCM"})
    members = jwe.to_members(text)
    assert "encrypted_key" not in members
    assert "encrypted_key" in jwe.to_members(jwe.encrypt_with_password(b"", b"x", rounds=1000))
    assert jwe.to_compact(json.dumps(members).encode()) == jwe.to_compact(text.encode()) == text
    for bad in (
        {**members, "aad": "AAAA"},
        {**members, "unprotected": {"alg": "dir"}},
        {**members, "recipients": [{}, {}]},
        {**members, "tag": "A.A"},
        {"protected": members["protected"]},
        {**members, "recipients": 7},
    ):
        with pytest.raises(MalformedError):
            jwe.to_compact(json.dumps(bad).encode())
    for octets in (b"", b"{", b"a.b", b"{" * 100_000, b"\xff"):
        with pytest.raises(MalformedError):
            jwe.to_compact(octets)


@pytest.mark.parametrize(
    "header", [b"{", b"[]", b"{}", b'{"alg":"dir"}', b'{"alg":1,"enc":"A128GCM"}', b"[" * 100_000]
)
def test_a_header_that_names_no_algorithms_is_malformed(header: bytes) -> None:
    with pytest.raises(MalformedError):
        jwe.read_header(base64url.encode(header) + "....")


def test_an_unknown_encryption_under_a_password_is_malformed() -> None:
    header = {"alg": jwe.PASSWORD_ALGORITHMS[0], "enc": "none", "p2c": 1000, "p2s": "AAAA"}
    message = base64url.encode(json.dumps(header).encode()) + ".AA.AA.AA.AA"
    with pytest.raises(MalformedError):
        jwe.decrypt_with_password(message, b"x")
