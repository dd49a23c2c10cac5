"""`newel-kms-plugin` on a real token: every kind signs what others verify; keys that could leave do not."""

import hashlib
import secrets
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from newel.crypto.keys import KeyKind
from newel.signer.key_uris import KeyURIError
from newel.signer.keystore.pkcs11.generate import generate
from newel.signer.keystore.pkcs11.key import KeyReference
from newel.signer.keystore.pkcs11.token import Token, open_token
from newel.signer.keystore.plugin.uri import parse

PLUGIN = Path(sys.executable).with_name("newel-kms-plugin")
MESSAGE = b"what is signed"
ALGORITHMS = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}


@pytest.fixture
def token(hsm: Any) -> Token:
    return open_token(hsm.library, "second", hsm.pin_file, sessions=2)


@pytest.fixture
def service(hsm: Any) -> str:
    return f"pkcs11:module-path={hsm.library};token=second?pin-source=file:{hsm.pin_file}"


def plugin(*words: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [PLUGIN, *words], input=data, capture_output=True, check=False, timeout=60
    )


def run_plugin(*words: str, data: bytes = b"") -> bytes:
    done = plugin(*words, data=data)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_key(token: Token, kind: KeyKind) -> str:
    name = secrets.token_hex(4)
    generate(token, KeyReference(label=name, id=name.encode()), kind)
    return f"pkcs11:object={name}"


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.P384, KeyKind.ED25519])
def test_keys_on_curves(token: Token, service: str, kind: KeyKind) -> None:
    uri = make_key(token, kind)
    key = load_pem_public_key(run_plugin("key", "--kms", service, uri))
    digest = hashlib.sha256(MESSAGE).digest()
    if isinstance(key, ed25519.Ed25519PublicKey):
        raw = run_plugin("sign", "--format", "raw", "--kms", service, uri, data=MESSAGE)
        key.verify(raw, MESSAGE)
        return
    assert isinstance(key, ec.EllipticCurvePublicKey)
    signature = b64decode(
        run_plugin("sign", "--format", "base64", "--kms", service, uri, data=digest)
    )
    key.verify(signature, digest, ec.ECDSA(Prehashed(hashes.SHA256())))


def test_rsa_keys_by_either_padding(token: Token, service: str) -> None:
    uri = make_key(token, KeyKind.RSA2048)
    key = load_pem_public_key(run_plugin("key", "--kms", service, uri))
    assert isinstance(key, rsa.RSAPublicKey)
    for name, algorithm in ALGORITHMS.items():
        words = ("sign", "--alg", name, "--kms", service, uri)
        signature = b64decode(run_plugin(*words, data=hashlib.new(name, MESSAGE).digest()))
        key.verify(signature, MESSAGE, padding.PKCS1v15(), algorithm)
    words = ("sign", "--alg", "SHA512", "--kms", service, uri)
    digest = hashlib.sha512(MESSAGE).digest()
    salted = run_plugin(*words, "--pss", "--salt-length", "20", data=digest)
    pss = padding.PSS(padding.MGF1(hashes.SHA512()), 20)
    key.verify(b64decode(salted), MESSAGE, pss, hashes.SHA512())
    refused = plugin(*words, data=digest[1:])
    assert (refused.returncode, refused.stderr) == (1, b"63 octets are no SHA512 digest\n")


def test_a_key_that_could_leave_the_token_signs_nothing(token: Token, service: str) -> None:
    from pkcs11 import Attribute, KeyType

    token.write(
        lambda opened: opened.session.generate_keypair(
            KeyType.RSA,
            2048,
            store=True,
            label="open",
            id=b"open",
            private_template={Attribute.EXTRACTABLE: True},
        )
    )
    done = plugin("sign", "--kms", service, "pkcs11:object=open", data=bytes(32))
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"private key can be exported" in done.stderr


@pytest.mark.parametrize(
    ("uris", "cause"),
    [
        (("pkcs11:module-path=m;token=t;object=o;slot-id=1",), "'slot-id' is no attribute"),
        (("pkcs11:token=t;object=o",), "no module-path"),
        (("pkcs11:module-path=m;object=o",), "no token"),
        (("pkcs11:module-path=m;token=t",), "names no key"),
        (("pkcs11:module-path=m;token=t;id=xyz",), "neither percent-encoded nor hex"),
        (("pkcs11:module-path=m;token=t", "softkms:object=o"), "keys of PKCS #11 tokens"),
    ],
)
def test_a_uri_that_does_not_say_enough(uris: tuple[str, ...], cause: str) -> None:
    with pytest.raises(KeyURIError, match=cause):
        parse(*uris)
