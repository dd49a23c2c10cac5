"""What is written parses elsewhere: keys, tokens and messages by joserfc, certificates and keys by openssl."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwe, jws, jwt
from joserfc.jwk import JWKRegistry, KeySet

from fixtures.offline import NEWEL, PLAIN
from fixtures.running import run

KINDS = {
    "EC": "--kty EC", "P-384": "--kty EC --crv P-384", "P-521": "--kty EC --crv P-521",
    "OKP": "--kty OKP", "RSA": "--kty RSA", "oct": "--kty oct",
}  # fmt: skip # a command line
SIGNATURES = [
    ("EC", "ES256"),
    ("P-384", "ES384"),
    ("P-521", "ES512"),
    ("OKP", "EdDSA"),
    ("RSA", "RS256"),
    ("RSA", "PS384"),
    ("RSA", "PS512"),
    ("oct", "HS256"),
    ("oct", "HS512"),
]
MESSAGES = [
    ("EC", "ECDH-ES", "A128GCM"),
    ("P-384", "ECDH-ES+A128KW", "A256GCM"),
    ("P-521", "ECDH-ES+A256KW", "A128CBC-HS256"),
    ("RSA", "RSA-OAEP", "A192GCM"),
    ("RSA", "RSA-OAEP-256", "A256CBC-HS512"),
]
EXP = 4_000_000_000


def newel(cwd: Path, line: str, stdin: bytes = b"") -> bytes:
    """What a line prints; fails unless it ended well."""
    done = subprocess.run(
        [NEWEL, *line.split()], cwd=cwd, input=stdin, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, f"{line}: {done.stderr.decode()}"
    return done.stdout


def key_of(path: Path) -> Any:
    return JWKRegistry.import_key(json.loads(path.read_bytes()))


def create(cwd: Path, kind: str, *flags: str) -> tuple[Any, Any]:
    """``key`` and ``key.pub`` of a kind, as joserfc reads them."""
    newel(cwd, f"crypto jwk create key.pub key {KINDS[kind]} {' '.join(flags)} {PLAIN}")
    return key_of(cwd / "key"), key_of(cwd / "key.pub")


@pytest.mark.parametrize("kind", KINDS)
def test_keys_and_sets_of_keys(tmp_path: Path, kind: str) -> None:
    private, public = create(tmp_path, kind)
    assert private.kid == public.kid
    if kind != "oct":  # a thumbprint would say too much of a secret
        assert private.kid == private.thumbprint()
    newel(tmp_path, "crypto jwk keyset add keys.json", (tmp_path / "key.pub").read_bytes())
    (found,) = KeySet.import_key_set(json.loads((tmp_path / "keys.json").read_text())).keys
    assert found.thumbprint() == public.thumbprint()


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize(("kind", "alg"), SIGNATURES)
def test_tokens_and_signatures_both_ways(tmp_path: Path, kind: str, alg: str) -> None:
    private, public = create(tmp_path, kind, "--alg", alg)
    claims = {"iss": "i", "aud": "a", "sub": "s", "exp": EXP}
    token = newel(
        tmp_path, f"crypto jwt sign --key key --iss i --aud a --sub s --exp {EXP}"
    ).strip()
    judged = jwt.decode(token, public, algorithms=[alg])
    assert claims.items() <= judged.claims.items()
    signed = newel(tmp_path, "crypto jws sign --key key -", b"some octets").strip()
    assert jws.deserialize_compact(signed, public, [alg]).payload == b"some octets"
    named = {"kid": private.kid} if private.kid else {}
    theirs = jwt.encode({"alg": alg, **named}, claims, private, [alg])
    line = "crypto jwt verify --key key.pub --iss i --aud a"
    assert json.loads(newel(tmp_path, line, theirs.encode()))["payload"] == claims


@pytest.mark.parametrize(("kind", "alg", "enc"), MESSAGES)
def test_messages_both_ways(tmp_path: Path, kind: str, alg: str, enc: str) -> None:
    private, public = create(tmp_path, kind, "--use", "enc", "--alg", alg)
    registry = jwe.JWERegistry(algorithms=[alg, enc])
    made = newel(tmp_path, f"crypto jwe encrypt --key key.pub --enc {enc}", b"secret")
    assert jwe.decrypt_json(json.loads(made), private, registry=registry).plaintext == b"secret"
    theirs = jwe.encrypt_compact({"alg": alg, "enc": enc}, b"secret", public, registry=registry)
    assert newel(tmp_path, "crypto jwe decrypt --key key", theirs.encode()) == b"secret"


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("kind", ["EC", "P-384", "P-521", "OKP", "RSA"])
def test_certificates_requests_and_keys(tmp_path: Path, kind: str) -> None:
    flags = f"{KINDS[kind]} {PLAIN}"
    for line in (
        f"create Root root.crt root.key --profile root-ca {flags}",
        f"create Middle mid.crt mid.key --profile intermediate-ca --ca root.crt --ca-key root.key {flags}",
        f"create leaf.internal leaf.crt leaf.key --ca mid.crt --ca-key mid.key {flags} --bundle",
        f"create --csr asked.internal asked.csr asked.key {flags}",
        "format leaf.crt --out leaf.der",
    ):
        newel(tmp_path, f"certificate {line}")
    signed = newel(tmp_path, "certificate sign asked.csr mid.crt mid.key")
    (tmp_path / "asked.crt").write_bytes(signed)
    for name in ("leaf", "asked"):
        verify = [
            "openssl",
            "verify",
            "-x509_strict",
            "-CAfile",
            "root.crt",
            "-untrusted",
            "mid.crt",
        ]
        assert run([*verify, f"{name}.crt"], cwd=tmp_path).stdout == f"{name}.crt: OK\n"
        pair = (
            run(["openssl", "x509", "-in", f"{name}.crt", "-noout", "-pubkey"], cwd=tmp_path),
            run(["openssl", "pkey", "-in", f"{name}.key", "-pubout"], cwd=tmp_path),
        )
        assert pair[0].stdout == pair[1].stdout
    for words in (
        ("req", "-in", "asked.csr", "-noout", "-verify"),
        ("x509", "-in", "leaf.der", "-inform", "DER", "-noout"),
        ("pkey", "-in", "leaf.key", "-noout", *(() if kind == "OKP" else ("-check",))),
    ):
        run(["openssl", *words], cwd=tmp_path)
