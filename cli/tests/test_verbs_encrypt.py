"""encrypt and decrypt: what one person sends another reads, nobody else, and in no other wording (ROAD-03)."""

import json
import subprocess
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

from fixtures.running import NEWEL
from newel.step.jwk import unb64url

PLAIN = ("--no-password", "--insecure")
SECRET = b"for ada\x00 only\n"
STANDARD = ("A128GCM", "A192GCM", "A256GCM", "A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512")


def newel(folder: Path, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [NEWEL, *words],
        cwd=folder,
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
        start_new_session=True,
    )


def done(folder: Path, *words: str, stdin: bytes = b"") -> bytes:
    finished = newel(folder, *words, stdin=stdin)
    assert finished.returncode == 0, finished.stderr.decode()
    return finished.stdout


def refused(folder: Path, *words: str, stdin: bytes = b"") -> str:
    finished = newel(folder, *words, stdin=stdin)
    assert (finished.returncode, finished.stdout) == (1, b"")
    (line,) = finished.stderr.decode().splitlines()
    return line


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root, ada's and bob's certificates below it, keys in every form."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "password").write_text("open sesame")
    done(
        folder,
        "certificate",
        "create",
        "Root",
        "root.crt",
        "root.key",
        "--profile",
        "root-ca",
        *PLAIN,
    )
    below = ("--ca", "root.crt", "--ca-key", "root.key", *PLAIN)
    done(folder, "certificate", "create", "ada", "ada.crt", "ada.key", *below)
    done(folder, "certificate", "create", "bob", "bob.crt", "bob.key", *below, "--kty", "RSA")
    times = ("--not-before", "2020-01-01T00:00:00Z", "--not-after", "2020-02-01T00:00:00Z")
    done(folder, "certificate", "create", "old", "old.crt", "old.key", *below, *times)
    done(folder, "crypto", "jwk", "create", "ada.jwk", "ada.priv", "--use", "enc", "--kty", "EC",
         "--kid", "2026", "--password-file", "password")  # fmt: skip
    done(folder, "crypto", "jwk", "create", "sig.jwk", "sig.priv", "--kty", "EC", *PLAIN)
    done(folder, "crypto", "keypair", "ed.pub", "ed.key", "--kty", "OKP", *PLAIN)
    done(folder, "crypto", "keypair", "rsa.pub", "rsa.key", "--kty", "RSA", *PLAIN)
    for name in ("ada.jwk", "sig.jwk"):
        done(folder, "crypto", "jwk", "keyset", "add", "set", stdin=(folder / name).read_bytes())
    return folder


@pytest.mark.parametrize("algorithm", [*STANDARD, "C20P"])
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
    keys: Path, algorithm: str, to: str, key: tuple[str, ...]
) -> None:
    """ROAD-06: the same two lines, whatever the cipher: the message names it."""
    message = done(keys, "encrypt", "--to", to, "--algorithm", algorithm, stdin=SECRET)
    assert done(keys, "decrypt", "--key", *key, stdin=message) == SECRET


@pytest.mark.parametrize("algorithm", STANDARD)
@pytest.mark.parametrize(("name", "kind"), [("ada", ECKey), ("bob", RSAKey)])
def test_another_library_reads_the_message_and_writes_one(
    keys: Path, algorithm: str, name: str, kind: Any
) -> None:
    private = kind.import_key((keys / f"{name}.key").read_bytes())
    registry = jwe.JWERegistry(
        algorithms=["ECDH-ES", "RSA-OAEP-256", algorithm], strict_check_header=False
    )
    words = ("--to", f"{name}.crt", "--algorithm", algorithm)
    compact = done(keys, "encrypt", *words, stdin=SECRET).decode().strip()
    opened = jwe.decrypt_compact(compact, private, registry=registry)
    assert opened.plaintext == SECRET
    assert opened.protected["kid"] == private.thumbprint()
    full = json.loads(done(keys, "encrypt", *words, "--output", "json", stdin=SECRET))
    assert jwe.decrypt_json(full, private, registry=registry).plaintext == SECRET
    theirs = jwe.encrypt_compact(
        {"alg": opened.protected["alg"], "enc": algorithm}, SECRET, private, registry=registry
    )
    assert done(keys, "decrypt", "--key", f"{name}.key", stdin=theirs.encode()) == SECRET


def test_chacha20_is_that_of_another_library(keys: Path) -> None:
    """libsodium opens what RFC 7518 §4.6 and draft-amringer-jose-chacha say is in the message."""
    message = done(keys, "encrypt", "--to", "ada.crt", "--algorithm", "c20p", stdin=SECRET).decode()
    protected, wrapped, iv, ciphertext, tag = message.strip().split(".")
    header = json.loads(unb64url(protected))
    assert (header["alg"], header["enc"], wrapped) == ("ECDH-ES", "C20P", "")
    private = load_pem_private_key((keys / "ada.key").read_bytes(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    x, y = (int.from_bytes(unb64url(header["epk"][axis])) for axis in "xy")
    ephemeral = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    shared = private.exchange(ec.ECDH(), ephemeral)
    empty = (0).to_bytes(4)
    other = len("C20P").to_bytes(4) + b"C20P" + empty + empty + (256).to_bytes(4)
    key = ConcatKDFHash(SHA256(), 32, other).derive(shared)
    sealed = unb64url(ciphertext) + unb64url(tag)
    opened = nacl.bindings.crypto_aead_chacha20poly1305_ietf_decrypt(
        sealed, protected.encode(), unb64url(iv), key
    )
    assert opened == SECRET


def test_files_are_their_owners_alone_and_kept(keys: Path, tmp_path: Path) -> None:
    plain, sealed, opened = (str(tmp_path / name) for name in ("plain", "sealed", "opened"))
    Path(plain).write_bytes(SECRET)
    done(keys, "encrypt", plain, "--to", "ada.crt", "--roots", "root.crt", "--out", sealed)
    done(keys, "decrypt", sealed, "--key", "ada.key", "--out", opened)
    assert Path(opened).read_bytes() == SECRET
    assert Path(opened).stat().st_mode & 0o777 == 0o600
    Path(opened).write_bytes(b"mine")
    said = newel(keys, "decrypt", sealed, "--key", "ada.key", "--out", opened).stderr.decode()
    assert said.startswith("error allocating terminal")
    assert Path(opened).read_bytes() == b"mine"
    done(keys, "decrypt", sealed, "--key", "ada.key", "--out", opened, "--force")
    assert Path(opened).read_bytes() == SECRET


def test_a_message_that_was_changed_opens_nothing(keys: Path) -> None:
    parts = done(keys, "encrypt", "--to", "bob.crt", stdin=SECRET).decode().strip().split(".")
    for at, part in enumerate(parts):
        changed = "B" if part[0] == "A" else "A"
        forged = ".".join([*parts[:at], changed + part[1:], *parts[at + 1 :]])
        assert refused(keys, "decrypt", "--key", "bob.key", stdin=forged.encode())


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("old.crt", "the certificate old.crt is not trusted: x509: certificate has expired"),
        ("nobody", "open nobody: no such file or directory"),
        ("password", "error reading password: unsupported format"),
        ("ed.pub", "key Ed25519 cannot be used for encryption"),
        ("sig.jwk", "invalid jwk use: found 'sig'"),
        ("set#2025", "set has no key to encrypt for with the id 2025"),
        ("http://keys.example/", "open http://keys.example/: no such file or directory"),
    ],
)
def test_who_cannot_be_encrypted_for(keys: Path, to: str, said: str) -> None:
    assert refused(keys, "encrypt", "--to", to, stdin=SECRET).startswith(said)


def test_a_recipient_must_stand_below_the_roots_that_are_asked_for(
    keys: Path, tmp_path: Path
) -> None:
    done(keys, "certificate", "create", "ada", str(tmp_path / "ada.crt"), str(tmp_path / "ada.key"),
         "--profile", "self-signed", "--subtle", *PLAIN)  # fmt: skip
    rogue = ("encrypt", "--to", str(tmp_path / "ada.crt"), "--roots", "root.crt")
    assert "signed by unknown authority" in refused(keys, *rogue, stdin=SECRET)
    bare = ("encrypt", "--to", "rsa.pub", "--roots", "root.crt")
    assert "rsa.pub is no certificate" in refused(keys, *bare, stdin=SECRET)


def test_a_set_with_several_keys_asks_which(keys: Path, tmp_path: Path) -> None:
    pair: list[Key] = [
        ECKey.generate_key("P-256", {"kid": kid, "use": "enc"}) for kid in ("a", "b")
    ]
    (tmp_path / "set").write_text(json.dumps(KeySet(pair).as_dict(private=False)))
    said = refused(keys, "encrypt", "--to", str(tmp_path / "set"), stdin=SECRET)
    assert said.endswith("has several keys to encrypt for: add '#' and one of a, b")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--key", "bob.key"], "alg 'ECDH-ES' is not compatible with kty 'RSA'"),
        (["--key", "old.key"], "it is encrypted for the key "),
        (["--key", "ada.crt"], "file ada.crt does not contain a valid private key"),
        ([], "'step decrypt' requires the '--key' flag"),
        (["--key", "ada.key", "a", "b"], "too many positional arguments"),
    ],
)
def test_the_wrong_key_opens_nothing(keys: Path, words: list[str], said: str) -> None:
    message = done(keys, "encrypt", "--to", "ada.crt", stdin=SECRET)
    assert refused(keys, "decrypt", *words, stdin=message).startswith(said)


@pytest.mark.parametrize(
    "text", [b"", b"hello", b"a.b.c.d.e", b"{}", b'{"protected":1}', b"\xff" * 9]
)
def test_what_is_no_message_is_said_so(keys: Path, text: bytes) -> None:
    assert refused(keys, "decrypt", "--key", "ada.key", stdin=text).startswith("error parsing data")


def test_an_algorithm_nobody_knows(keys: Path) -> None:
    said = refused(keys, "encrypt", "--to", "ada.crt", "--algorithm", "ROT13", stdin=SECRET)
    assert said.startswith("invalid value 'ROT13' for flag '--algorithm'; options are A128GCM, ")
