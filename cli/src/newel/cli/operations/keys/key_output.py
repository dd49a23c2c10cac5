"""Keys as files: PEM, DER, OpenSSH and JWK, under a password unless that was declined."""

import hashlib
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from newel.cli.errors import CliError, UsageError
from newel.cli.store.files import read_password

if TYPE_CHECKING:
    from newel.crypto.keys import PrivateKey, PublicKey

ROUNDS = 600_000
SSH_ROUNDS = 16
ENCRYPT_PROMPT = "Please enter the password to encrypt the private key"


class PasswordOptions(NamedTuple):
    """Where the password of a new private key comes from."""

    password_file: str | None = None
    no_password: bool = False
    insecure: bool = False


def new_password(options: PasswordOptions, prompt: str = ENCRYPT_PROMPT) -> bytes | None:
    """Return the password for a new private key: that of a file, else ask for it; None if declined.

    Raises UsageError for --no-password without --insecure or together with a password file.
    """
    name = options.password_file
    if options.no_password:
        if name:
            raise UsageError("flag '--no-password' is incompatible with '--password-file'")
        if not options.insecure:
            raise UsageError("flag '--no-password' requires the '--insecure' flag")
        return None
    if name:
        password = read_password(name).encode(errors="surrogateescape")
        if not password:
            raise CliError(f"{name} holds no password")
        return password
    from newel.cli.interact.terminal import ask_password

    return ask_password(prompt).encode()


def private_pem(key: "PrivateKey", password: bytes | None = None, *, pkcs8: bool = False) -> bytes:
    """Return the key as PEM: SEC 1 or PKCS #1 as its kind has it, PKCS #8 for Ed25519 or on demand.

    A password encrypts by RFC 1423 (AES-256-CBC) in the old forms, by PBES2 (RFC 8018) in PKCS #8.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    from newel.crypto import pem

    if pkcs8 or isinstance(key, ed25519.Ed25519PrivateKey):
        der = private_der(key, pkcs8=True)
        if password is None:
            return pem.encode(der, "PRIVATE KEY")
        return pem.encode(encrypt_pkcs8(der, password), "ENCRYPTED PRIVATE KEY")
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption()
        if password is None
        else serialization.BestAvailableEncryption(password),
    )


def private_der(key: "PrivateKey", *, pkcs8: bool = False) -> bytes:
    """Return the key as DER in the clear."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    new = pkcs8 or isinstance(key, ed25519.Ed25519PrivateKey)
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8
        if new
        else serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def encrypt_pkcs8(der: bytes, password: bytes) -> bytes:
    """EncryptedPrivateKeyInfo (RFC 5958 §3): PBES2, PBKDF2 with HMAC-SHA-256, AES-256-CBC.

    Written here because the library's own has a number of rounds of another age.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    from newel.crypto import der as asn1

    salt, iv = os.urandom(16), os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha256", password, salt, ROUNDS, 32)
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES256(key), modes.CBC(iv)).encryptor()
    sealed = encryptor.update(padder.update(der) + padder.finalize()) + encryptor.finalize()
    prf = asn1.sequence(asn1.oid("1.2.840.113549.2.9"), b"\x05\x00")
    kdf = asn1.sequence(
        asn1.oid("1.2.840.113549.1.5.12"),
        asn1.sequence(asn1.octet_string(salt), asn1.integer(ROUNDS), prf),
    )
    cipher = asn1.sequence(asn1.oid("2.16.840.1.101.3.4.1.42"), asn1.octet_string(iv))
    pbes2 = asn1.sequence(asn1.oid("1.2.840.113549.1.5.13"), asn1.sequence(kdf, cipher))
    return asn1.sequence(pbes2, asn1.octet_string(sealed))


def public_pem(key: "PublicKey") -> bytes:
    """SubjectPublicKeyInfo as PEM."""
    from newel.crypto import keys, pem

    return pem.encode(keys.spki(key), "PUBLIC KEY")


def openssh_private(key: "PrivateKey", password: bytes | None = None) -> bytes:
    """Return the key as OpenSSH writes it: aes256-ctr under bcrypt when there is a password."""
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption()
        if password is None
        else serialization.PrivateFormat.OpenSSH.encryption_builder()
        .kdf_rounds(SSH_ROUNDS)
        .build(password),
    )


def openssh_public(key: "PublicKey", comment: str = "") -> bytes:
    """One line of authorized_keys."""
    from cryptography.hazmat.primitives import serialization

    line = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return line + (b" " + comment.encode() if comment else b"") + b"\n"


def write_pair(
    names: tuple[str, str], public: bytes, private: bytes, *, force: bool, json: bool
) -> None:
    """Write a public and a private key file, both or neither, and say so, with ``json`` on stdout too."""
    from newel.cli.interact.terminal import note, show_json
    from newel.cli.store.atomic_write import Target, allow, write_all

    allow(names, force=force)
    write_all([Target(names[0], public), Target(names[1], private)])
    note(f"Your public key has been saved in {names[0]}.")
    note(f"Your private key has been saved in {names[1]}.")
    if json:
        show_json({"publicKey": names[0], "privateKey": names[1]})


def json_text(value: dict[str, Any], indent: int | None = 2) -> bytes:
    """JSON as key files have it: no final newline."""
    import json

    separators = None if indent else (",", ":")
    return json.dumps(value, indent=indent, separators=separators).encode()
