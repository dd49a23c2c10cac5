"""Detached signatures: ssh-keygen -Y verifies ours, and we verify its; what is not one is refused."""

import base64
import subprocess
from pathlib import Path

import pytest

from newel.crypto import keys
from newel.crypto.ssh import detached
from newel.crypto.ssh.public_keys import wire_of, write_line
from newel.crypto.ssh.wire import WireError

MESSAGE = b"what is signed\n" * 1000
KEY = keys.generate()
WIRE = wire_of(KEY)


def sign(key: keys.PrivateKey, namespace: str = "ssh-krl") -> bytes:
    made = keys.sign(key, detached.frame(namespace, MESSAGE))
    return detached.encode(key.public_key(), namespace, made)


@pytest.mark.needs("ssh-keygen")
@pytest.mark.parametrize("kind", ["P-256", "P-384", "P-521", "RSA-2048", "Ed25519"])
def test_ssh_keygen_verifies_it(tmp_path: Path, kind: str) -> None:
    key = keys.generate(kind)
    (tmp_path / "sig").write_bytes(sign(key))
    allowed = b'ca namespaces="ssh-krl" ' + write_line(wire_of(key)).strip() + b"\n"
    (tmp_path / "allowed").write_bytes(allowed)
    words = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        "allowed",
        "-I",
        "ca",
        "-n",
        "ssh-krl",
        "-s",
        "sig",
    ]
    done = subprocess.run(words, cwd=tmp_path, input=MESSAGE, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    done = subprocess.run(
        words, cwd=tmp_path, input=MESSAGE + b"!", capture_output=True, check=False
    )
    assert done.returncode != 0


@pytest.mark.needs("ssh-keygen")
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_what_ssh_keygen_signed_verifies(tmp_path: Path, kind: str, algorithm: str) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", "key"], cwd=tmp_path, check=True
    )
    (tmp_path / "message").write_bytes(MESSAGE)
    choice = ["-n", "ssh-krl", "-O", f"hashalg={algorithm}"]
    words = ["ssh-keygen", "-q", "-Y", "sign", "-f", "key", *choice, "message"]
    subprocess.run(words, cwd=tmp_path, check=True)
    wire = base64.b64decode((tmp_path / "key.pub").read_bytes().split()[1])
    made = (tmp_path / "message.sig").read_bytes()
    assert detached.verify(made, "ssh-krl", MESSAGE, [WIRE, wire]) == wire


@pytest.mark.parametrize(
    ("file", "message", "trusted", "text"),
    [
        (sign(KEY), MESSAGE + b"!", [WIRE], "does not verify"),
        (sign(KEY), MESSAGE, [wire_of(keys.generate())], "not trusted"),
        (sign(KEY, "git"), MESSAGE, [WIRE], "it is for 'git'"),
        (b"", MESSAGE, [WIRE], "not a signature"),
        (sign(KEY)[:200], MESSAGE, [WIRE], "not a signature"),
        (sign(KEY).replace(b"U1NI", b"U1N!", 1), MESSAGE, [WIRE], "not a signature"),
        (sign(KEY).replace(b"U1NI", b"U1N\xff", 1), MESSAGE, [WIRE], "not a signature"),
        (sign(KEY) + b"x" * 20_000, MESSAGE, [WIRE], "not a signature"),
        (MESSAGE, MESSAGE, [WIRE], "not a signature"),
    ],
)  # fmt: skip # refusals in rows
def test_what_does_not_sign_the_message_is_refused(
    file: bytes, message: bytes, trusted: list[bytes], text: str
) -> None:
    with pytest.raises(WireError, match=text):
        detached.verify(file, "ssh-krl", message, trusted)


def test_a_signature_of_a_list_is_none_of_a_certificate() -> None:
    """A certificate begins with the length of its type's name, of less than 256 octets."""
    assert detached.frame("ssh-krl", MESSAGE)[:4] == b"SSHS"
