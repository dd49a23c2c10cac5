"""Keys out of files, whatever they were written as.

PEM (SEC 1, PKCS #1, PKCS #8, RFC 1423 and PBES2 encryption), OpenSSH private and public keys, DER, JWK and
JWK inside a JWE; a certificate or request stands for its public key. A password comes from a file or is
asked for, and only when the key needs one.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from newel.cli.errors import CliError
from newel.cli.files import read, read_password
from newel.cli.terminal import ask_password
from newel.crypto.keys import InvalidKeyError, PrivateKey, PublicKey, load_private_key

Material: TypeAlias = PrivateKey | PublicKey | bytes
"""A key as the library has it; octets for a symmetric one."""

SSH_PREFIXES = (b"ssh-rsa", b"ssh-ed25519", b"ecdsa-sha2-nistp")
TRIES = 3
WRONG_PASSWORD = "x509: decryption password incorrect"  # noqa: S105 - what scripts look for

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,64})-----.*?-----END \1-----", re.DOTALL)
_REQUESTS = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What a file held: the key and the form (``pem``, ``ssh``, ``jwk``, ``der``) it had there."""

    key: Material
    form: str


def load(name: str, password_file: str | None = None, *, single: bool = False) -> KeyFile:
    """The key in a file ("-" is stdin); with ``single`` a second PEM block is an error."""
    return parse(read(name), name, password_file, single=single)


def parse(
    data: bytes, name: str, password_file: str | None = None, *, single: bool = False
) -> KeyFile:
    """The key in ``data``; ``name`` is what errors and prompts call it."""
    if data.startswith(b"-----BEGIN "):
        return KeyFile(from_pem(data, name, password_file, single=single), "pem")
    if data.startswith(SSH_PREFIXES):
        return KeyFile(from_ssh_line(data), "ssh")
    from newel.cli.jose import jwk_files

    if jwk_files.is_jose(data):
        return KeyFile(jwk_files.key_of(jwk_files.parse(data, name, password_file)), "jwk")
    return KeyFile(from_der(data), "der")


def private_key(name: str, password_file: str | None = None) -> PrivateKey:
    """The private key in a file. Raises CliError when it holds something else."""
    key = load(name, password_file).key
    if isinstance(key, PrivateKey):
        return key
    raise CliError(f"file {name} does not contain a valid private key")


def unlocked(name: str, password: bytes) -> PrivateKey:
    """The private key in a PEM file, by a password that is known. Raises CliError."""
    try:
        return load_private_key(read(name), password)
    except InvalidKeyError:
        raise CliError(f"error decrypting {name}: {WRONG_PASSWORD}") from None


def public_key(name: str, password_file: str | None = None) -> PublicKey:
    """The public key in a file: its own, or that of a private key, certificate or request."""
    key = load(name, password_file).key
    if isinstance(key, bytes):
        raise CliError(f"file {name} does not contain a valid public key")
    return key.public_key() if isinstance(key, PrivateKey) else key


def password_for(name: str, password_file: str | None, prompt: str | None = None) -> bytes:
    """The password of ``password_file``, or what the person at the terminal answers."""
    if password_file:
        return read_password(password_file).encode(errors="surrogateescape")
    return ask_password(prompt or f"Please enter the password to decrypt {name}").encode()


def from_pem(
    data: bytes, name: str, password_file: str | None = None, *, single: bool = False
) -> PrivateKey | PublicKey:
    """The key of the first PEM block."""
    found = _BLOCK.search(data)
    if found is None:
        raise CliError(f"error decoding {name}: not a valid PEM encoded block")
    if single and data[found.end() :].strip():
        raise CliError(f"error decoding {name}: contains more than one PEM encoded block")
    block, label = found[0] + b"\n", found[1].decode()
    try:
        if label.endswith("PRIVATE KEY"):
            return _private(block, label, name, password_file)
        if label.endswith("PUBLIC KEY"):
            return usable(serialization.load_pem_public_key(block), name)
        if label == "CERTIFICATE" or label in _REQUESTS:
            return usable(_vouched_for(block, label), name)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CliError(f"error parsing {name}: {error}") from None
    raise CliError(f"error decoding {name}: contains an unexpected header '{label}'")


def _vouched_for(block: bytes, label: str) -> object:
    """The key in a certificate or request; X.509 is read only for these."""
    from newel.crypto import loading

    if label == "CERTIFICATE":
        return loading.load_pem_certificate(block).public_key()
    return loading.load_pem_request(block).public_key()


def _private(block: bytes, label: str, name: str, password_file: str | None) -> PrivateKey:
    if label == "OPENSSH PRIVATE KEY":
        return _openssh(block, name, password_file)
    encrypted = label == "ENCRYPTED PRIVATE KEY" or b"Proc-Type: 4,ENCRYPTED" in block
    password = password_for(name, password_file) if encrypted else None
    try:
        return load_private_key(block, password)
    except InvalidKeyError as error:
        if encrypted:
            raise CliError(f"error decrypting {name}: {WRONG_PASSWORD}") from None
        raise CliError(f"error parsing {name}: {error}") from None


def _openssh(block: bytes, name: str, password_file: str | None) -> PrivateKey:
    try:
        return _usable_private(serialization.load_ssh_private_key(block, None), name)
    except TypeError:
        pass  # it says so when it is encrypted
    try:
        password = password_for(name, password_file)
        return _usable_private(serialization.load_ssh_private_key(block, password), name)
    except ValueError:
        raise CliError(f"error decrypting {name}: {WRONG_PASSWORD}") from None


def from_ssh_line(data: bytes) -> PublicKey:
    """The key of an authorized_keys line or of an SSH certificate."""
    try:
        identity = serialization.load_ssh_public_identity(data.splitlines()[0])
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CliError(f"error parsing OpenSSH key: {error}") from None
    if isinstance(identity, serialization.SSHCertificate):
        return usable(identity.public_key(), "OpenSSH key")
    return usable(identity, "OpenSSH key")


def from_der(data: bytes) -> PrivateKey | PublicKey:
    """A private or public key in DER."""
    try:
        return load_private_key(data)
    except InvalidKeyError:
        pass
    try:
        return usable(serialization.load_der_public_key(data), "DER")
    except (ValueError, UnsupportedAlgorithm):
        raise CliError("error decoding DER; bad format") from None


def usable(key: object, name: str) -> PublicKey:
    """A public key of a kind the commands know."""
    if isinstance(key, PublicKey):
        return key
    raise CliError(f"error parsing {name}: unsupported key type")


def _usable_private(key: object, name: str) -> PrivateKey:
    if isinstance(key, PrivateKey):
        return key
    raise CliError(f"error parsing {name}: unsupported key type")
