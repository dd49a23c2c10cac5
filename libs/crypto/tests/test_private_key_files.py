"""Private key files as people have them: every format, encoding and habit, and one clear refusal."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from newel.crypto import keys, pem

KEY = keys.generate("P-256")
PKCS8 = keys.plain_private_key(KEY)
ENCRYPTED = keys.encrypt_private_key(KEY, b"secret")
SEC1 = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
OPENSSH = KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
OPENSSH_ENCRYPTED = KEY.private_bytes(
    Encoding.PEM, PrivateFormat.OpenSSH, BestAvailableEncryption(b"secret")
)
DER = KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
CERTIFICATE = pem.encode(b"\x30\x00")
PARAMETERS = pem.encode(b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", "EC PARAMETERS")

HABITS: dict[str, Callable[[bytes], bytes]] = {
    "as it was made": lambda text: text,
    "bag attributes before it": lambda text: (
        b"Bag Attributes\n    localKeyID: 01 02\n    friendlyName: \xc3\xa9t\xc3\xa9\n"
        b"Key Attributes: <No Attributes>\n" + text
    ),
    "a comment with dashes before it": lambda text: b"# ---- the key ----\n--\n" + text,
    "a comment that speaks of blocks": lambda text: b"# put -----BEGIN KEY----- here\n" + text,
    "text after it": lambda text: text + b"subject=CN = a.example\n",
    "Windows line ends": lambda text: text.replace(b"\n", b"\r\n"),
    "line ends of old Macintoshes": lambda text: text.replace(b"\n", b"\r"),
    "a byte order mark": lambda text: b"\xef\xbb\xbf" + text,
    "UTF-16 of a redirection in PowerShell": lambda text: (
        b"\xff\xfe" + text.replace(b"\n", b"\r\n").decode().encode("utf-16-le")
    ),
    "UTF-16, big end first": lambda text: b"\xfe\xff" + text.decode().encode("utf-16-be"),
    "blanks at the end of its lines": lambda text: text.replace(b"\n", b" \t\n"),
    "indented, as in YAML": lambda text: b"".join(b"    " + line for line in text.splitlines(True)),
    "empty lines around it": lambda text: b"\n\n" + text + b"\n \n",
    "no line end at its end": bytes.rstrip,
    "NUL octets at its end": lambda text: text + b"\0\0",
    "its certificate before it": lambda text: CERTIFICATE + text,
    "its certificate after it": lambda text: text + CERTIFICATE,
    "parameters before it": lambda text: PARAMETERS + text,
}


def is_read(data: bytes, password: bytes | None = None) -> bool:
    return keys.load_private_key(data, password).public_key() == KEY.public_key()


@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize(
    "text",
    [PKCS8, SEC1, OPENSSH, ENCRYPTED, OPENSSH_ENCRYPTED],
    ids=["PKCS #8", "SEC 1", "OpenSSH", "encrypted", "OpenSSH encrypted"],
)
def test_a_key_is_read_whatever_stands_around_it(text: bytes, habit: str) -> None:
    data = HABITS[habit](text)
    assert is_read(data, b"secret")
    if text in {ENCRYPTED, OPENSSH_ENCRYPTED}:
        with pytest.raises(keys.InvalidKeyError, match="no password was given"):
            keys.load_private_key(data)
        with pytest.raises(keys.InvalidKeyError, match="the password is wrong"):
            keys.load_private_key(data, b"Secret")
    else:
        assert is_read(data)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\0", b" \n\0"])
def test_der_is_read_whatever_ends_its_file(end: bytes) -> None:
    assert is_read(DER + end)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (PKCS8 + SEC1, "2 private keys where one is expected"),
        (CERTIFICATE, "no private key, but CERTIFICATE"),
        (PARAMETERS + CERTIFICATE, "no private key, but EC PARAMETERS, CERTIFICATE"),
        (PKCS8[:-30], "PRIVATE KEY does not end"),
        (PKCS8[:60] + b"\n" + PKCS8, "PRIVATE KEY does not end"),
        (PKCS8.replace(b"END PRIVATE", b"END EC PRIVATE"), "ends as EC PRIVATE KEY"),
        (b"\xff\xfe\x00\xd8", "not the UTF-16 text"),
        (DER + b"x", "cannot be read"),
        (DER + DER, "cannot be read"),
        (b"\x30\x80", "cannot be read"),
        (b"\0" * 10, "cannot be read"),
    ],
)
def test_a_file_that_is_no_key_is_refused_with_its_reason(data: bytes, why: str) -> None:
    with pytest.raises(keys.InvalidKeyError, match=why):
        keys.load_private_key(data, b"secret")


@pytest.mark.needs("openssl")
def test_a_key_out_of_a_pkcs12_container_is_read(tmp_path: Path) -> None:
    def openssl(*arguments: object) -> bytes:
        command = ["openssl", *map(str, arguments)]
        return subprocess.run(command, check=True, capture_output=True, cwd=tmp_path).stdout

    (tmp_path / "key").write_bytes(PKCS8)
    subject = ("-subj", "/CN=a.example", "-out", "certificate")
    openssl("req", "-x509", "-new", "-key", "key", *subject)
    files = ("-inkey", "key", "-in", "certificate", "-out", "p12", "-name", "my key")
    openssl("pkcs12", "-export", *files, "-passout", "pass:x")
    text = openssl("pkcs12", "-in", "p12", "-nodes", "-passin", "pass:x")
    assert text.startswith(b"Bag Attributes")
    assert is_read(text)
