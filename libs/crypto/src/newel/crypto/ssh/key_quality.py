"""Which keys an SSH certificate may certify: the sizes and checks of X.509 keys, and security keys."""

from typing import NamedTuple

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


class _Point(NamedTuple):
    """How X.509 writes a key whose only part is a point."""

    head: bytes
    """The SubjectPublicKeyInfo in DER up to the point."""
    first: bytes
    """What the point begins with: 4 is an uncompressed one (SEC 1 §2.3.3)."""
    size: int


_POINTS = {
    "ssh-ed25519": _Point(bytes.fromhex("302a300506032b6570032100"), b"", 32),
    "ecdsa-sha2-nistp256": _Point(
        bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200"), b"\x04", 65
    ),
    "ecdsa-sha2-nistp384": _Point(
        bytes.fromhex("3076301006072a8648ce3d020106052b81040022036200"), b"\x04", 97
    ),
    "ecdsa-sha2-nistp521": _Point(
        bytes.fromhex("30819b301006072a8648ce3d020106052b8104002303818600"), b"\x04", 133
    ),
}
"""RFC 5480 §2 and RFC 8410 §4. The library reads these in a tenth of the time that SSH's form takes it."""


class UnusableKeyError(ValueError):
    """The key is not certified; the message says why."""


def check_key(wire: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of a key if it may be certified. Raises UnusableKeyError."""
    spki = read_spki(wire)
    key = _load(spki)
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA_BITS:
        raise UnusableKeyError(f"an RSA key has {_MIN_RSA_BITS} bits or more, not {key.key_size}")
    try:
        quality.check_public_key(spki)
    except quality.WeakKey as error:
        raise UnusableKeyError(str(error)) from None
    return spki


def load_key(wire: bytes) -> keys.PublicKey:
    """Return the public key of wire form (RFC 4253 §6.6); of a security key the one that it signs with.

    Raises UnusableKeyError.
    """
    return _load(read_spki(wire))


def read_spki(wire: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of a key of wire form. Whether its point is on the curve is not checked.

    Raises UnusableKeyError for a type that is not certified, and for what is no key.
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
    if form := _POINTS.get(kind):
        return _encode_point(kind, fields, form)
    if kind == "ssh-dss":
        raise UnusableKeyError("DSA keys are not certified")
    return _encode_rsa(b"".join(map(string, (kind.encode(), *fields))))


def _encode_point(kind: str, fields: list[bytes], form: _Point) -> bytes:
    *curve, point = fields
    if curve and curve[0].decode(errors="replace") != kind.removeprefix("ecdsa-sha2-"):
        raise UnusableKeyError("not a public key: its type and its curve differ")
    if len(point) != form.size or not point.startswith(form.first):
        raise UnusableKeyError("not a public key: its point has another length or form")
    return form.head + point


def _encode_rsa(wire: bytes) -> bytes:
    try:
        key = load_ssh_public_key(write_line(wire))
    except ValueError as error:
        raise UnusableKeyError(f"not a public key: {error}") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise UnusableKeyError("not a public key of RSA")
    return keys.spki(key)


def _load(spki: bytes) -> keys.PublicKey:
    try:
        return keys.load_public_key(spki)
    except keys.InvalidKeyError as error:
        raise UnusableKeyError(f"not a public key: {error}") from None
