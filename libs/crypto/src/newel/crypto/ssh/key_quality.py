"""Which keys an SSH certificate may certify: the sizes and checks of X.509 keys, and security keys."""

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from newel.crypto import keys, quality
from newel.crypto.ssh.public_keys import FIELDS, read_fields, write_line
from newel.crypto.ssh.wire import Reader, WireError, string

_MAX_SIZE = 8 * 1024
_MIN_RSA_BITS = 2048
_MAX_APPLICATION = 256
# security keys (PROTOCOL.u2f) hold a key of this type, with the name of an application after it
_PLAIN = {
    "sk-ssh-ed25519@openssh.com": "ssh-ed25519",
    "sk-ecdsa-sha2-nistp256@openssh.com": "ecdsa-sha2-nistp256",
}


class UnusableKeyError(ValueError):
    """The key is not certified; the message says why."""


def check_key(wire: bytes) -> keys.PublicKey:
    """Return the public key as :func:`load_key` does if it may be certified. Raises UnusableKeyError."""
    key = load_key(wire)
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA_BITS:
        raise UnusableKeyError(f"an RSA key has {_MIN_RSA_BITS} bits or more, not {key.key_size}")
    try:
        quality.check_public_key(keys.spki(key))
    except quality.WeakKey as error:
        raise UnusableKeyError(str(error)) from None
    return key


def load_key(wire: bytes) -> keys.PublicKey:
    """Return the public key of wire form (RFC 4253 §6.6); of a security key the one that it signs with.

    Raises UnusableKeyError.
    """
    if len(wire) > _MAX_SIZE:
        raise UnusableKeyError("the key is too long")
    try:
        source = Reader(wire)
        kind = source.text()
        if kind not in FIELDS:
            raise UnusableKeyError(f"keys of the type {kind[:64]!r} are not certified")
        fields = read_fields(kind, source)
        source.end()
    except WireError as error:
        raise UnusableKeyError(f"not a public key: {error}") from None
    if kind in _PLAIN:
        *fields, application = fields
        if not 0 < len(application) <= _MAX_APPLICATION:
            raise UnusableKeyError("a security key names an application")
        kind = _PLAIN[kind]
        wire = b"".join(map(string, (kind.encode(), *fields)))
    return _load(kind, wire)


def _load(kind: str, wire: bytes) -> keys.PublicKey:
    if kind == "ssh-dss":
        raise UnusableKeyError("DSA keys are not certified")
    try:
        key = load_ssh_public_key(write_line(wire))
    except ValueError as error:
        raise UnusableKeyError(f"not a public key: {error}") from None
    if not isinstance(key, keys.PublicKey):
        raise UnusableKeyError(f"keys of the type {kind!r} are not certified")
    return key
