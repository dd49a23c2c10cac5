"""encrypt and decrypt: what one person sends only the recipient reads, and unchanged."""

import json
from pathlib import Path
from typing import Any

import nacl.bindings
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwe
from joserfc.jwk import ECKey, Key, KeySet, RSAKey

from fixtures.people import PLAIN, Desk, people
from newel.jose import base64url

__all__ = ["people"]

SECRET = b"for ada\x00 only\n"
STANDARD = ("A128GCM", "A192GCM", "A256GCM", "A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512")


@pytest.fixture(scope="module")
def desk(people: Desk, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """What people has, and keys in other forms."""
    made = Desk(tmp_path_factory.mktemp("keys"))
    for file in people.path.glob("*.*"):
        (made.path / file.name).write_bytes(file.read_bytes())
    (made.path / "password").write_text("open sesame")
    made.succeed("crypto", "jwk", "create", "ada.jwk", "ada.priv", "--use", "enc", "--kty", "EC",
              "--kid", "2026", "--password-file", "password")  # fmt: skip # a command line
    made.succeed("crypto", "jwk", "create", "sig.jwk", "sig.priv", "--kty", "EC", *PLAIN)
    made.succeed("crypto", "keypair", "rsa.pub", "rsa.key", "--kty", "RSA", *PLAIN)
    for name in ("ada.jwk", "sig.jwk"):
        made.succeed("crypto", "jwk", "keyset", "add", "set", stdin=(made.path / name).read_bytes())
    return made


@pytest.mark.parametrize("algorithm", ["A256GCM", "C20P"])
@pytest.mark.parametrize(
    ("to", "key"),
    [
        ("ada.crt", ("ada.key",)),
        ("bob.crt", ("bob.key",)),
        ("rsa.pub", ("rsa.key",)),
        ("ada.jwk", ("ada.priv", "--password-file", "password")),
        ("set", ("ada.priv", "--password-file", "password")),
        ("set#2026", ("ada.priv", "--password-file", "password")),
    ],
)
def test_only_the_algorithm_is_swapped(
    desk: Desk, algorithm: str, to: str, key: tuple[str, ...]
) -> None:
    """The same two lines serve every cipher, because the message names it."""
    message = desk.succeed("encrypt", "--to", to, "--algorithm", algorithm, stdin=SECRET)
    assert desk.succeed("decrypt", "--key", *key, stdin=message) == SECRET


@pytest.mark.parametrize("algorithm", STANDARD)
@pytest.mark.parametrize(("name", "kind"), [("ada", ECKey), ("bob", RSAKey)])
def test_another_library_reads_the_message_and_writes_one(
    desk: Desk, algorithm: str, name: str, kind: Any
) -> None:
    private = kind.import_key((desk.path / f"{name}.key").read_bytes())
    registry = jwe.JWERegistry(
        algorithms=["ECDH-ES", "RSA-OAEP-256", algorithm], strict_check_header=False
    )
    words = ("--to", f"{name}.crt", "--algorithm", algorithm)
    compact = desk.succeed("encrypt", *words, stdin=SECRET).decode().strip()
    opened = jwe.decrypt_compact(compact, private, registry=registry)
    assert opened.plaintext == SECRET
    assert opened.protected["kid"] == private.thumbprint()
    full = json.loads(desk.succeed("encrypt", *words, "--output", "json", stdin=SECRET))
    assert jwe.decrypt_json(full, private, registry=registry).plaintext == SECRET
    theirs = jwe.encrypt_compact(
        {"alg": opened.protected["alg"], "enc": algorithm}, SECRET, private, registry=registry
    )
    assert desk.succeed("decrypt", "--key", f"{name}.key", stdin=theirs.encode()) == SECRET


def test_chacha20_is_that_of_another_library(desk: Desk) -> None:
    """libsodium opens what RFC 7518 §4.6 and draft-amringer-jose-chacha say is in the message."""
    message = desk.succeed(
        "encrypt", "--to", "ada.crt", "--algorithm", "c20p", stdin=SECRET
    ).decode()
    protected, wrapped, iv, ciphertext, tag = message.strip().split(".")
    header = json.loads(base64url.decode(protected))
    assert (header["alg"], header["enc"], wrapped) == ("ECDH-ES", "C20P", "")
    private = load_pem_private_key((desk.path / "ada.key").read_bytes(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    x, y = (int.from_bytes(base64url.decode(header["epk"][axis])) for axis in "xy")
    ephemeral = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    shared = private.exchange(ec.ECDH(), ephemeral)
    empty = (0).to_bytes(4)
    other = len("C20P").to_bytes(4) + b"C20P" + empty + empty + (256).to_bytes(4)
    key = ConcatKDFHash(SHA256(), 32, other).derive(shared)
    sealed = base64url.decode(ciphertext) + base64url.decode(tag)
    opened = nacl.bindings.crypto_aead_chacha20poly1305_ietf_decrypt(
        sealed, protected.encode(), base64url.decode(iv), key
    )
    assert opened == SECRET


def test_files_are_their_owners_alone_and_kept(desk: Desk, tmp_path: Path) -> None:
    plain, sealed, opened = (str(tmp_path / name) for name in ("plain", "sealed", "opened"))
    Path(plain).write_bytes(SECRET)
    desk.succeed("encrypt", plain, "--to", "ada.crt", "--roots", "root.crt", "--out", sealed)
    desk.succeed("decrypt", sealed, "--key", "ada.key", "--out", opened)
    assert Path(opened).read_bytes() == SECRET
    assert Path(opened).stat().st_mode & 0o777 == 0o600
    Path(opened).write_bytes(b"mine")
    said = desk.newel("decrypt", sealed, "--key", "ada.key", "--out", opened).stderr.decode()
    assert said.startswith("error allocating terminal")
    assert Path(opened).read_bytes() == b"mine"
    desk.succeed("decrypt", sealed, "--key", "ada.key", "--out", opened, "--force")
    assert Path(opened).read_bytes() == SECRET


def test_a_message_that_was_changed_opens_nothing(desk: Desk) -> None:
    parts = desk.succeed("encrypt", "--to", "bob.crt", stdin=SECRET).decode().strip().split(".")
    for at, part in enumerate(parts):
        changed = "B" if part[0] == "A" else "A"
        forged = ".".join([*parts[:at], changed + part[1:], *parts[at + 1 :]])
        assert desk.fail("decrypt", "--key", "bob.key", stdin=forged.encode())


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("old.crt", "the certificate old.crt is not trusted: x509: certificate has expired"),
        ("missing", "open missing: no such file or directory"),
        ("password", "error reading password: unsupported format"),
        ("eve.crt", "key Ed25519 cannot be used for encryption"),
        ("sig.jwk", "invalid jwk use: found 'sig'"),
        ("set#2025", "set has no key to encrypt for with the id 2025"),
        ("http://keys.example/", "open http://keys.example/: no such file or directory"),
    ],
)
def test_who_cannot_be_encrypted_for(desk: Desk, to: str, said: str) -> None:
    assert desk.fail("encrypt", "--to", to, stdin=SECRET).startswith(said)


def test_a_recipient_must_stand_below_the_roots_that_are_asked_for(desk: Desk) -> None:
    rogue = ("encrypt", "--to", "stranger.crt", "--roots", "root.crt")
    assert "signed by unknown authority" in desk.fail(*rogue, stdin=SECRET)
    bare = ("encrypt", "--to", "rsa.pub", "--roots", "root.crt")
    assert "rsa.pub is no certificate" in desk.fail(*bare, stdin=SECRET)


def test_a_set_with_several_keys_asks_which(desk: Desk, tmp_path: Path) -> None:
    pair: list[Key] = [
        ECKey.generate_key("P-256", {"kid": kid, "use": "enc"}) for kid in ("a", "b")
    ]
    (tmp_path / "set").write_text(json.dumps(KeySet(pair).as_dict(private=False)))
    said = desk.fail("encrypt", "--to", str(tmp_path / "set"), stdin=SECRET)
    assert said.endswith("has several keys to encrypt for: add '#' and one of a, b")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--key", "bob.key"], "alg 'ECDH-ES' is not compatible with kty 'RSA'"),
        (["--key", "old.key"], "it is encrypted for the key "),
        (["--key", "ada.crt"], "file ada.crt does not contain a valid private key"),
        ([], "'newel decrypt' requires the '--key' flag"),
        (["--key", "ada.key", "a", "b"], "too many positional arguments"),
    ],
)
def test_the_wrong_key_opens_nothing(desk: Desk, words: list[str], said: str) -> None:
    message = desk.succeed("encrypt", "--to", "ada.crt", stdin=SECRET)
    assert desk.fail("decrypt", *words, stdin=message).startswith(said)


@pytest.mark.parametrize(
    "text", [b"", b"hello", b"a.b.c.d.e", b"{}", b'{"protected":1}', b"\xff" * 9]
)
def test_what_is_no_message_is_said_so(desk: Desk, text: bytes) -> None:
    assert desk.fail("decrypt", "--key", "ada.key", stdin=text).startswith("error parsing data")


def test_an_algorithm_nobody_knows(desk: Desk) -> None:
    said = desk.fail("encrypt", "--to", "ada.crt", "--algorithm", "ROT13", stdin=SECRET)
    assert said.startswith("invalid value 'ROT13' for flag '--algorithm'; options are A128GCM, ")
