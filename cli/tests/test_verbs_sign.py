"""sign and verify: who signed, and that nothing changed; checked by other programs and against forgeries."""

import base64
import hmac
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from fixtures.people import PLAIN, Desk, people

__all__ = ["people"]

TEXT = b"the text\x00\xff\n"
KINDS: dict[str, tuple[str, Any, str]] = {
    "ada": ("ES256", ECKey, "ada@example.com"),
    "bob": ("RS256", RSAKey, "bob"),
    "eve": ("EdDSA", OKPKey, "eve"),
}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign_file(desk: Desk, name: str, *flags: str) -> str:
    """What NAME signs, with the certificate."""
    words = ("sign", "--key", f"{name}.key", "--cert", f"{name}.crt", *flags)
    return desk.succeed(*words, stdin=TEXT).decode().strip()


@pytest.fixture
def files(people: Desk, tmp_path: Path) -> tuple[str, str]:
    """The text and ada's signature beside it."""
    text, signature = tmp_path / "text", tmp_path / "text.jws"
    text.write_bytes(TEXT)
    signature.write_text(sign_file(people, "ada"))
    return str(text), str(signature)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # of its name: RFC 9864 has another
@pytest.mark.parametrize("name", KINDS)
def test_another_library_verifies_what_is_signed(people: Desk, name: str) -> None:
    alg, kind, _ = KINDS[name]
    certificate = (people.path / f"{name}.crt").read_bytes()
    key = kind.import_key((people.path / f"{name}.key").read_bytes())
    registry = jws.JWSRegistry(algorithms=[alg])
    registry.max_header_length = 4096
    for flags in ([], ["--attached"]):
        message, payload = sign_file(people, name, *flags), None if flags else TEXT
        made = jws.deserialize_compact(message, key, registry=registry, payload=payload)
        assert made.payload == TEXT
        der = base64.b64decode(made.headers()["x5c"][0])
        assert x509.load_der_x509_certificate(der) == x509.load_pem_x509_certificate(certificate)
    full = json.loads(sign_file(people, name, "--attached", "--output", "json"))
    assert jws.deserialize_json(full, key, registry=registry).payload == TEXT


@pytest.mark.needs("openssl")
def test_openssl_verifies_chain_and_signature(people: Desk, tmp_path: Path) -> None:
    protected, _, signature = sign_file(people, "bob").split(".")
    chain = json.loads(base64.urlsafe_b64decode(protected + "=="))["x5c"]
    (tmp_path / "signer.der").write_bytes(base64.b64decode(chain[0]))
    (tmp_path / "signed").write_text(f"{protected}.{b64(TEXT)}")
    (tmp_path / "signature").write_bytes(base64.urlsafe_b64decode(signature + "=="))
    commands = (
        f"openssl x509 -in signer.der -out signer.pem && openssl verify -CAfile {people.path}/root.crt signer.pem",
        "openssl x509 -in signer.pem -pubkey -noout > public.pem",
        "openssl dgst -sha256 -verify public.pem -signature signature signed",
    )
    for command in commands:
        subprocess.run(["sh", "-ec", command], cwd=tmp_path, check=True, timeout=60)


@pytest.mark.parametrize("name", KINDS)
def test_the_signer_is_named_by_the_certificate(people: Desk, tmp_path: Path, name: str) -> None:
    alg, _, signer = KINDS[name]
    message = sign_file(people, name, "--attached").encode()
    verify = ("verify", "--roots", "root.crt", "--signer", signer)
    assert people.succeed(*verify, stdin=message) == TEXT
    out = tmp_path / "text"
    told = json.loads(people.succeed(*verify, "--output", "json", "--out", str(out), stdin=message))
    assert out.read_bytes() == TEXT
    assert out.stat().st_mode & 0o777 == 0o600
    assert (told["valid"], told["algorithm"]) == (True, alg)
    assert signer in told["signer"]


def test_a_key_that_is_known_takes_the_place_of_a_certificate(people: Desk, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.succeed("crypto", "keypair", "pub", "key", "--kty", "RSA", *PLAIN)
    desk.succeed(
        "crypto", "jwk", "create", "jwk", "private", "--kty", "RSA", "--alg", "PS384", *PLAIN
    )
    desk.succeed("crypto", "jwk", "keyset", "add", "set", stdin=(tmp_path / "jwk").read_bytes())
    for key, public, alg in (("key", "pub", "PS256"), ("private", "set", "PS384")):
        message = desk.succeed("sign", "--attached", "--key", key, "--algorithm", alg, stdin=TEXT)
        assert desk.succeed("verify", "--key", public, stdin=message) == TEXT
    ada = sign_file(people, "ada", "--attached").encode()
    assert desk.fail("verify", "--key", "pub", stdin=ada).startswith("validation failed")
    other = desk.succeed("sign", "--attached", "--key", "key", stdin=TEXT)
    assert "cannot find key with kid" in desk.fail("verify", "--key", "set", stdin=other)


def test_signed_then_encrypted_says_whom_it_is_from(people: Desk) -> None:
    """'Decrypt data from a sender' is two commands with a pipe between them."""
    message = sign_file(people, "ada", "--attached").encode()
    sealed = people.succeed("encrypt", "--to", "bob.crt", stdin=message)
    opened = people.succeed("decrypt", "--key", "bob.key", stdin=sealed)
    wanted = ("verify", "--roots", "root.crt", "--signer", "ada.example")
    assert people.succeed(*wanted, stdin=opened) == TEXT


def test_content_that_was_changed_is_not_what_was_signed(
    people: Desk, files: tuple[str, str]
) -> None:
    text, signature = files
    verify = ("verify", text, "--signature", signature, "--roots", "root.crt")
    people.succeed(*verify)
    Path(text).write_bytes(TEXT + b" ")
    assert people.fail(*verify) == "validation failed: invalid signature"


def forge(header: dict[str, Any], signature: bytes = b"x" * 64) -> bytes:
    """A message with any header."""
    return ".".join((b64(json.dumps(header).encode()), b64(TEXT), b64(signature))).encode()


def chain(desk: Desk, name: str) -> list[str]:
    (one,) = x509.load_pem_x509_certificates((desk.path / f"{name}.crt").read_bytes())
    from cryptography.hazmat.primitives.serialization import Encoding

    return [base64.b64encode(one.public_bytes(Encoding.DER)).decode()]


def test_forgeries_are_refused(people: Desk) -> None:
    """RFC 8725 §2: no algorithm, another's certificate, the public key as a shared one, what is critical."""
    ada = chain(people, "ada")
    public = (people.path / "ada.crt").read_bytes()
    confused = forge({"alg": "HS256", "x5c": ada})
    mac = hmac.digest(public, confused.rpartition(b".")[0], "sha256")
    cases = [
        (forge({"alg": "none", "x5c": ada}, b""), "validation failed: "),
        (forge({"alg": "ES256", "x5c": ada}), "validation failed: "),
        (confused.rpartition(b".")[0] + b"." + b64(mac).encode(), "validation failed: "),
        (forge({"alg": "ES256", "x5c": ada, "crit": ["exp"]}), "validation failed: unrecognized"),
        (forge({"alg": "ES256", "x5c": []}), "error parsing token: x5c"),
        (forge({"alg": "ES256", "x5c": ["AAAA"]}), "error parsing x5c: "),
        (forge({"alg": "ES256", "x5c": "!"}), "error parsing token: x5c"),
        (forge({"alg": "ES256"}), "the signature names no certificate"),
        (
            sign_file(people, "stranger", "--attached").encode(),
            "the signer's certificate is not trusted",
        ),
        (b"hello", "error parsing token"),
        (sign_file(people, "ada").encode(), "the content is not in it"),
    ]
    for message, said in cases:
        line = people.fail("verify", "--roots", "root.crt", stdin=message)
        assert line.startswith(said), line


def test_a_certificate_that_has_ended_vouches_only_for_its_time(
    people: Desk, files: tuple[str, str]
) -> None:
    text, signature = files
    verify = ("verify", text, "--signature", signature, "--roots", "root.crt", "--at")
    assert "has expired or is not yet valid" in people.fail(*verify, "240h")
    people.succeed(*verify, "1h")
    assert "is not trusted" in people.fail("sign", text, "--key", "old.key", "--cert", "old.crt")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("verify TEXT --signature JWS", "one of flag --roots or --key is required"),
        (
            "verify TEXT --signature JWS --roots root.crt --signer bob",
            "it is signed by ada@example.com",
        ),
        ("verify TEXT --signature JWS --roots ada.key", "failure to load root certificate pool"),
        ("verify TEXT --signature nothing --roots root.crt", "open nothing: no such file"),
        ("verify TEXT --signature JWS --key bob.crt", "validation failed: "),
        ("verify TEXT --signature JWS --roots root.crt --at soon", "invalid value 'soon'"),
        ("sign TEXT", "'newel sign' requires the '--key' flag"),
        ("sign TEXT --key ada.crt", "cannot use a public key for signing"),
        ("sign TEXT --key ada.key --cert bob.crt", "the key of '--key' is not the key of"),
        ("sign TEXT --key ada.key --algorithm RS256", "alg 'RS256' is not compatible"),
        ("sign nothing --key ada.key", "open nothing: no such file"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    people: Desk, files: tuple[str, str], words: str, said: str
) -> None:
    names = {"TEXT": files[0], "JWS": files[1]}
    assert people.fail(*(names.get(word, word) for word in words.split())).startswith(said)
