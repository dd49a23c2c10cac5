"""Keys out of files, whatever they were written as.

PEM (SEC 1, PKCS #1, PKCS #8, RFC 1423 and PBES2 encryption), OpenSSH private and public keys, DER, JWK and
JWK inside a JWE; a certificate or request stands for its public key. A password comes from a file or is
asked for, and only when the key needs one. Text around the blocks is passed over, as openssl and certtool
write it there.
"""

import re
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from newel.cli.errors import CliError
from newel.cli.jose import jwk_files
from newel.cli.operations.keys.key_material import Material
from newel.cli.operations.keys.key_passwords import password_for
from newel.cli.store.files import read
from newel.crypto import armor
from newel.crypto.keys import InvalidKeyError, PrivateKey, PublicKey, load_private_key

WRONG_PASSWORD = "x509: decryption password incorrect"  # noqa: S105 - what scripts look for

_BEGIN = re.compile(rb"^[ \t]*-----BEGIN ", re.MULTILINE)
_SSH_LINE = re.compile(
    rb"^[ \t]*(?:[^#\s{-][^\r\n]{0,8192}?[ \t])??"  # blanks and the options of authorized_keys
    rb"((?:ssh-rsa|ssh-ed25519|ecdsa-sha2-nistp\d{3})(?:-cert-v01@openssh\.com)?"
    rb"[ \t]+AAAA[A-Za-z0-9+/]{16}[^\r\n]*)",
    re.MULTILINE,
)
_FOREIGN = re.compile(rb"\s*(PuTTY-User-Key-File-|---- BEGIN SSH2 )")
FOREIGN = (
    "this is PuTTY's format: 'puttygen FILE -O private-openssh -o NEW' (public-openssh) converts it"
)
_VOUCHING = (
    "CERTIFICATE",
    "X509 CERTIFICATE",
    "TRUSTED CERTIFICATE",
    "CERTIFICATE REQUEST",
    "NEW CERTIFICATE REQUEST",
)


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What a file held: the key and the form (``pem``, ``ssh``, ``jwk``, ``der``) it had there."""

    key: Material
    form: str


def load(name: str, password_file: str | None = None, *, single: bool = False) -> KeyFile:
    """Return the key in a file ("-" is stdin); with ``single`` a second PEM block is an error."""
    return parse(read(name), name, password_file, single=single)


def parse(
    data: bytes, name: str, password_file: str | None = None, *, single: bool = False
) -> KeyFile:
    """Return the key in ``data``; ``name`` is what errors and prompts call it."""
    if is_pem(data):
        return KeyFile(from_pem(data, name, password_file, single=single), "pem")
    line = ssh_line(data)
    if line:
        return KeyFile(from_ssh_line(line), "ssh")
    if jwk_files.is_jose(data):
        return KeyFile(jwk_files.key_of(jwk_files.parse(data, name, password_file)), "jwk")
    if _FOREIGN.match(data):
        raise CliError(f"error parsing {name}: {FOREIGN}")
    return KeyFile(from_der(data), "der")


def is_pem(data: bytes) -> bool:
    """Say whether some line begins a PEM block."""
    return _BEGIN.search(data) is not None


def ssh_line(data: bytes) -> bytes:
    """Return the first SSH public key or certificate without its options; empty if there is none."""
    found = _SSH_LINE.search(data)
    return found[1] if found else b""


def private_key(name: str, password_file: str | None = None) -> PrivateKey:
    """Return the private key in a file. Raises CliError when it holds something else."""
    data = read(name)
    if is_pem(data):
        labels = [block.label for block in key_blocks(data, name)]
        only = next((label for label in labels if label.endswith("PRIVATE KEY")), labels[0])
        key = from_pem(data, name, password_file, only=only)
    else:
        key = parse(data, name, password_file).key
    if isinstance(key, PrivateKey):
        return key
    raise CliError(f"file {name} does not contain a valid private key")


def unlock(name: str, password: bytes) -> PrivateKey:
    """Return the private key in a PEM file, by a password that is known. Raises CliError."""
    try:
        return load_private_key(read(name), password)
    except InvalidKeyError:
        raise CliError(f"error decrypting {name}: {WRONG_PASSWORD}") from None


def public_key(name: str, password_file: str | None = None) -> PublicKey:
    """Return the public key in a file: its own, or that of a private key, certificate or request."""
    key = load(name, password_file).key
    if isinstance(key, bytes):
        raise CliError(f"file {name} does not contain a valid public key")
    return key.public_key() if isinstance(key, PrivateKey) else key


def from_pem(
    data: bytes,
    name: str,
    password_file: str | None = None,
    *,
    single: bool = False,
    only: str = "",
) -> PrivateKey | PublicKey:
    """Return the key of the first PEM block, or of the first with the label ``only``."""
    found = key_blocks(data, name)
    if single and len(found) > 1:
        raise CliError(f"error decoding {name}: contains more than one PEM encoded block")
    label, block = next((each.label, each.text) for each in found if only in {"", each.label})
    try:
        if label.endswith("PRIVATE KEY"):
            return _private(block, label, name, password_file)
        if label.endswith("PUBLIC KEY"):
            return usable(serialization.load_pem_public_key(block), name)
        if label in _VOUCHING:
            return _key_of_certificate(block, label, name)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CliError(f"error parsing {name}: {error}") from None
    raise CliError(f"error decoding {name}: contains an unexpected header '{label}'")


def key_blocks(data: bytes, name: str) -> list[armor.Block]:
    """Return the PEM blocks of a file, at least one, without the parameters openssl writes before keys."""
    try:
        found = armor.blocks(data)
    except ValueError as error:
        raise CliError(f"error decoding {name}: {error}") from None
    blocks = [block for block in found if not block.label.endswith(" PARAMETERS")]
    if not blocks:
        raise CliError(f"error decoding {name}: not a valid PEM encoded block")
    return blocks


def _key_of_certificate(block: bytes, label: str, name: str) -> PublicKey:
    """Return the key in a certificate or request; X.509 is read only for these."""
    from newel.cli.operations.certificates import sources
    from newel.crypto import loading

    if label == "CERTIFICATE":
        return usable(loading.load_pem_certificate(block).public_key(), name)
    if label in sources.ODD_CERTIFICATES:
        return from_spki(sources.bundle(block, name)[0].spki, name)
    request = sources.request(block)
    if request is None:
        raise CliError(f"error parsing {name}: not a valid certificate request")
    return from_spki(request.spki, name)


def from_spki(spki: bytes, name: str) -> PublicKey:
    """Return the key of a certificate or request that stands there in DER. Raises CliError."""
    try:
        return usable(serialization.load_der_public_key(spki), name)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CliError(f"error parsing {name}: {error}") from None


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
    """Return the key of an authorized_keys line or of an SSH certificate."""
    try:
        identity = serialization.load_ssh_public_identity(data.strip())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CliError(f"error parsing OpenSSH key: {error}") from None
    if isinstance(identity, serialization.SSHCertificate):
        return usable(identity.public_key(), "OpenSSH key")
    return usable(identity, "OpenSSH key")


def from_der(data: bytes) -> PrivateKey | PublicKey:
    """Return a private or public key in DER."""
    try:
        return load_private_key(data)
    except InvalidKeyError:
        pass
    try:
        (value,) = armor.elements(data)
        return usable(serialization.load_der_public_key(value), "DER")
    except (ValueError, UnsupportedAlgorithm):
        raise CliError("error decoding DER; bad format") from None


def usable(key: object, name: str) -> PublicKey:
    """Return a public key of a kind the commands know."""
    if isinstance(key, PublicKey):
        return key
    raise CliError(f"error parsing {name}: unsupported key type")


def _usable_private(key: object, name: str) -> PrivateKey:
    if isinstance(key, PrivateKey):
        return key
    raise CliError(f"error parsing {name}: unsupported key type")
