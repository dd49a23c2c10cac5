"""JSON Web Keys and their password encryption, against RFC vectors and the real step."""

import json
import subprocess
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from fixtures.running import others
from newel.step import jwe, jwk
from newel.step.jwk import Jwk

STEP = others("step")  # not our own alias of the same name
RFC7638_N = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRX"
    "jBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs"
    "8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_"
    "xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)
KEYS = [
    ec.generate_private_key(ec.SECP256R1()),
    ec.generate_private_key(ec.SECP384R1()),
    ec.generate_private_key(ec.SECP521R1()),
    ed25519.Ed25519PrivateKey.generate(),
    rsa.generate_private_key(65537, 2048),
]


def test_thumbprint_of_rfc_7638() -> None:
    assert jwk.thumbprint(Jwk(kty="RSA", n=RFC7638_N, e="AQAB")) == (
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    )


@pytest.mark.parametrize("key", KEYS, ids=lambda key: type(key).__name__)
def test_keys_go_there_and_back(key: jwk.PrivateKey) -> None:
    private = jwk.from_private_key(key)
    again = jwk.to_private_key(private)
    assert again.public_key() == key.public_key()
    assert jwk.to_public_key(private.public()) == key.public_key()
    assert private.d
    assert private.d not in repr(private)
    assert not private.public().d
    with pytest.raises(ValueError, match="no private key"):
        jwk.to_private_key(private.public())


@pytest.mark.parametrize(
    "bad",
    [
        Jwk(kty="EC", crv="P-256", x="AA", y="AA"),
        Jwk(kty="EC", crv="P-256", x="A" * 43, y="A" * 43),
        Jwk(kty="EC", crv="P-192", x="A" * 43, y="A" * 43),
        Jwk(kty="oct", k="c2VjcmV0"),
        Jwk(kty="RSA", n="A" * 10_000, e="AQAB"),
        Jwk(kty="RSA", n="AQAB", e="AQAB"),
        Jwk(kty="OKP", crv="Ed25519", x="AA"),
        Jwk(kty="OKP", crv="X25519", x="A" * 43),
    ],
)
def test_what_is_no_key_is_refused(bad: Jwk) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the library words some of them
        jwk.to_public_key(bad)


def test_encryption_opens_with_its_password_only() -> None:
    sealed = jwe.encrypt(b"{}", b"secret", rounds=1000)
    assert jwe.decrypt(sealed, b"secret") == b"{}"
    with pytest.raises(jwe.WrongPassword):
        jwe.decrypt(sealed, b"Secret")
    head, rest = sealed.split(".", 1)
    for bad in ("", "a.b", rest, head[:-4] + "." + rest, sealed + ".x", "A" * 100_000):
        with pytest.raises(ValueError):  # noqa: PT011 - any refusal will do
            jwe.decrypt(bad, b"secret")


def test_a_hostile_round_count_is_not_worked_off() -> None:
    header = {"alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "p2c": 10**9, "p2s": "AAAA"}
    sealed = jwe.encrypt(b"{}", b"x", rounds=1)
    hostile = jwk.b64url(json.dumps(header).encode()) + sealed[sealed.index(".") :]
    with pytest.raises(ValueError, match="malformed"):
        jwe.decrypt(hostile, b"x")


@pytest.mark.needs("step")
def test_the_real_step_reads_ours_and_we_read_its(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("secret\n")
    create = f"{STEP} crypto jwk create pub.json priv.json --password-file pw"
    subprocess.run(create.split(), cwd=tmp_path, check=True, capture_output=True)
    flat = json.loads((tmp_path / "priv.json").read_text())
    members = ("protected", "encrypted_key", "iv", "ciphertext", "tag")
    plain = jwe.decrypt(".".join(flat[member] for member in members), b"secret")
    theirs = msgspec.json.decode(plain, type=Jwk)
    public = msgspec.json.decode((tmp_path / "pub.json").read_bytes(), type=Jwk)
    assert jwk.to_private_key(theirs).public_key() == jwk.to_public_key(public)
    assert jwk.thumbprint(public) == public.kid
    ours = jwk.from_private_key(ec.generate_private_key(ec.SECP256R1()))
    sealed = jwe.encrypt(msgspec.json.encode(ours), b"secret")
    opened = subprocess.run(
        ["step", "crypto", "jwe", "decrypt", "--password-file", "pw"],
        cwd=tmp_path,
        input=sealed.encode(),
        check=True,
        capture_output=True,
    )
    assert msgspec.json.decode(opened.stdout, type=Jwk) == ours
