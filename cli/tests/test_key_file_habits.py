"""Key files as people and programs leave them: text around the block, other line ends, other encodings."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from newel.cli.errors import CliError
from newel.cli.main import dispatch
from newel.cli.operations.keys import key_files
from newel.cli.operations.keys.key_output import (
    openssh_private,
    openssh_public,
    private_pem,
    public_pem,
)

BAG = b"""Bag Attributes
    friendlyName: w\xc3\xbcrth.example
    localKeyID: 54 69 6D 65
Key Attributes: <No Attributes>
"""
PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"

HABITS: dict[str, Callable[[bytes], bytes]] = {
    "text before": lambda pem: BAG + pem,
    "text after": lambda pem: pem + b"\nthe end\n",
    "a comment": lambda pem: b"# the key of www\n" + pem,
    "blank lines": lambda pem: b"\n \n\n" + pem + b"\n\n",
    "mark": lambda pem: b"\xef\xbb\xbf" + pem,
    "mark and text": lambda pem: b"\xef\xbb\xbf" + BAG + pem,
    "carriage returns": lambda pem: (BAG + pem).replace(b"\n", b"\r\n"),
    "UTF-16": lambda pem: (BAG + pem).decode().encode("utf-16"),
    "UTF-16, big end first": lambda pem: b"\xfe\xff" + pem.decode().encode("utf-16-be"),
    "indented": lambda pem: b"".join(b"    " + line for line in pem.splitlines(keepends=True)),
    "blanks at line ends": lambda pem: pem.replace(b"\n", b"  \n"),
    "no last line end": lambda pem: pem.rstrip(),
    "parameters before": lambda pem: PARAMETERS + pem,
    "zeros at the end": lambda pem: pem + b"\0\0",
}
habits = pytest.mark.parametrize("habit", HABITS.values(), ids=HABITS)
KEY = ec.generate_private_key(ec.SECP256R1())
FORMS = {
    "sec1": private_pem(KEY),
    "pkcs8": private_pem(KEY, pkcs8=True),
    "encrypted": private_pem(KEY, b"secret", pkcs8=True),
    "rfc1423": private_pem(KEY, b"secret"),
    "openssh": openssh_private(KEY),
}


@habits
@pytest.mark.parametrize("form", FORMS)
def test_a_private_key_is_read(habit: Callable[[bytes], bytes], form: str, tmp_path: Path) -> None:
    file, password = tmp_path / "key", tmp_path / "password"
    file.write_bytes(habit(FORMS[form]))
    password.write_bytes("secret\r\n".encode("utf-16"))
    assert key_files.private_key(str(file), str(password)).public_key() == KEY.public_key()


@habits
def test_a_public_key_is_read(habit: Callable[[bytes], bytes], tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(habit(public_pem(KEY.public_key())))
    assert key_files.public_key(str(file)) == KEY.public_key()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b""),
        (b"# ada's\n\n", b"\n"),
        (b'command="echo ssh-rsa AAAA; true",no-pty ', b" ada@example.com\r\n"),
        (b"\xef\xbb\xbf  ", b"\r\n# more\r\n"),
    ],
)
def test_a_public_key_of_ssh_is_read(before: bytes, after: bytes, tmp_path: Path) -> None:
    file = tmp_path / "key.pub"
    file.write_bytes(before + openssh_public(KEY.public_key()).strip() + after)
    assert key_files.public_key(str(file)) == KEY.public_key()


def test_the_key_is_found_beside_its_certificate(tmp_path: Path, habit_keys: Path) -> None:
    """As HAProxy and `openssl pkcs12 -nodes` keep them."""
    both = tmp_path / "both.pem"
    key = (habit_keys / "ca.key").read_bytes()
    both.write_bytes(BAG + (habit_keys / "ca.crt").read_bytes() + BAG + key)
    assert isinstance(key_files.private_key(str(both)), ec.EllipticCurvePrivateKey)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"-----BEGIN PRIVATE KEY-----\nMIG", "the PEM block PRIVATE KEY does not end"),
        (PARAMETERS, "not a valid PEM encoded block"),
        (b"PuTTY-User-Key-File-3: ssh-ed25519\n", "puttygen"),
        (b'---- BEGIN SSH2 PUBLIC KEY ----\nComment: "x"\n', "puttygen"),
        (b"\xff\xfe\0", "error decoding DER; bad format"),
        (b"nothing\n", "error decoding DER; bad format"),
    ],
)
def test_what_is_no_key_is_named(data: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(data)
    with pytest.raises(CliError, match=message):
        key_files.private_key(str(file))


@pytest.fixture(scope="module")
def habit_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with its key, whose files have every habit that can be had at once."""
    folder = tmp_path_factory.mktemp("made")
    plain = ["--no-password", "--insecure"]
    root = ["certificate", "create", "Root", f"{folder}/ca.crt", f"{folder}/ca.key"]
    assert dispatch([*root, "--profile", "root-ca", *plain]) == 0
    assert (
        dispatch(["crypto", "key", "public", f"{folder}/ca.key", "--out", f"{folder}/ca.pub"]) == 0
    )
    for name in ("ca.crt", "ca.key", "ca.pub"):
        (folder / f"odd-{name}").write_bytes(
            (BAG + (folder / name).read_bytes()).replace(b"\n", b"\r\n").decode().encode("utf-16")
        )
    (folder / "data").write_text("data")
    return folder


COMMANDS = [
    "crypto key inspect odd-ca.key",
    "crypto key inspect odd-ca.pub",
    "crypto key fingerprint odd-ca.key",
    "crypto key fingerprint odd-ca.pub",
    "crypto key format odd-ca.key --jwk --no-password --insecure",
    "crypto key public odd-ca.key",
    "crypto key sign --key odd-ca.key data",
    "crypto jwk create pub.jwk priv.jwk --from-pem odd-ca.key --no-password --insecure --force",
    "crypto jwk create crt.jwk crt.priv --from-pem odd-ca.crt --no-password --insecure --force",
    "crypto jwt sign --key odd-ca.key --iss a --aud b --sub c --exp 2000000000",
    "crypto change-pass odd-ca.key --out changed --no-password --insecure --force",
    "certificate create a a.crt a.key --ca odd-ca.crt --ca-key odd-ca.key --no-password --insecure --force",
    "certificate create a a2.crt --key odd-ca.key --ca odd-ca.crt --ca-key odd-ca.key --force",
    "certificate key odd-ca.crt",
    "certificate key odd-ca.pub",
    "certificate fingerprint odd-ca.crt",
    "certificate inspect odd-ca.crt",
    "certificate format odd-ca.crt --out ca.der --force",
    "certificate verify odd-ca.crt --roots odd-ca.crt",
    "certificate p12 out.p12 odd-ca.crt odd-ca.key --no-password --insecure --force",
    "ca token a --key odd-ca.key --issuer x --kid y --offline --ca-url https://a.example --root odd-ca.crt",
    "sign data --key odd-ca.key --out data.jws --force",
    "encrypt data --to odd-ca.pub --out data.jwe --force",
]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_that_reads_keys_reads_such_files(
    habit_keys: Path, line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(habit_keys)
    monkeypatch.setenv("STEPPATH", str(tmp_path))
    assert dispatch(line.split()) == 0


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("options", [["-nodes"], ["-passout", "pass:secret"]])
def test_what_openssl_takes_out_of_a_pkcs_12_is_read(
    habit_keys: Path, tmp_path: Path, options: list[str]
) -> None:
    store, pem = tmp_path / "a.p12", tmp_path / "a.pem"
    export = [
        "-export",
        "-inkey",
        habit_keys / "ca.key",
        "-in",
        habit_keys / "ca.crt",
        "-out",
        store,
    ]
    subprocess.run(["openssl", "pkcs12", *export, "-passout", "pass:x", "-name", "b"], check=True)
    words = ["openssl", "pkcs12", "-in", store, "-passin", "pass:x", "-out", pem, *options]
    subprocess.run(words, check=True)
    assert pem.read_bytes().startswith(b"Bag Attributes")
    (tmp_path / "password").write_text("secret")
    key = key_files.private_key(str(pem), str(tmp_path / "password"))
    assert key.public_key() == key_files.private_key(str(habit_keys / "ca.key")).public_key()
