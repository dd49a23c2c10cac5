"""Signatures of files as ``ssh-keygen -Y`` makes and verifies them (PROTOCOL.sshsig of OpenSSH)."""

import base64
import hashlib
from collections.abc import Collection
from typing import TYPE_CHECKING

from newel.crypto.ssh import signatures
from newel.crypto.ssh.key_quality import UnusableKeyError, load_key
from newel.crypto.ssh.public_keys import wire_of
from newel.crypto.ssh.wire import Reader, WireError, string

if TYPE_CHECKING:
    from newel.crypto.keys import PublicKey

KRL_NAMESPACE = "ssh-krl"
"""Of signatures of key revocation lists: one of this namespace is good for nothing else."""
MAX_SIZE = 16 * 1024

_MAGIC = b"SSHSIG"
_VERSION = 1
_HASH = "sha512"
_HASHES = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_COLUMNS = 70


def frame(namespace: str, message: bytes) -> bytes:
    """Return the octets that a signature of the message covers: no SSH certificate begins like them."""
    return _frame(namespace, _HASH, hashlib.sha512(message).digest())


def encode(key: "PublicKey", namespace: str, signature: bytes) -> bytes:
    """Return the file of a signature, which :func:`newel.crypto.keys.sign` made over :func:`frame`."""
    blob = b"".join(
        (
            _MAGIC,
            _VERSION.to_bytes(4),
            string(wire_of(key)),
            string(namespace.encode()),
            string(b""),
            string(_HASH.encode()),
            string(signatures.encode(key, signature)),
        )
    )
    text = base64.b64encode(blob).decode()
    lines = [text[place : place + _COLUMNS] for place in range(0, len(text), _COLUMNS)]
    return "\n".join((_BEGIN, *lines, _END, "")).encode()


def verify(file: bytes, namespace: str, message: bytes, trusted: Collection[bytes]) -> bytes:
    """Return the key, one of the trusted ones in wire form, whose signature the file is.

    Raises WireError for what is no signature of this message, namespace and keys.
    """
    source = Reader(_read_armor(file))
    if source.octets(len(_MAGIC)) != _MAGIC or source.uint32() != _VERSION:
        raise WireError("it is not a signature of ssh-keygen -Y")
    wire, named = source.string(), source.text()
    source.string()  # reserved
    algorithm, signature = source.text(), source.string()
    source.end()
    if wire not in trusted:
        raise WireError("it is by a key that is not trusted")
    if named != namespace:
        raise WireError(f"it is for {named[:64]!r}, and not for {namespace!r}")
    if algorithm not in _HASHES:
        raise WireError(f"its hash function {algorithm[:64]!r} is unknown")
    digest = _HASHES[algorithm](message).digest()
    try:
        key = load_key(wire)
    except UnusableKeyError as error:
        raise WireError(str(error)) from None
    signatures.require_valid(key, signature, _frame(namespace, algorithm, digest))
    return wire


def _frame(namespace: str, algorithm: str, digest: bytes) -> bytes:
    return b"".join(
        (
            _MAGIC,
            string(namespace.encode()),
            string(b""),
            string(algorithm.encode()),
            string(digest),
        )
    )


def _read_armor(file: bytes) -> bytes:
    lines = file[: MAX_SIZE + 1].decode("ascii", errors="replace").split("\n")
    if len(file) > MAX_SIZE or lines[0] != _BEGIN or _END not in lines:
        raise WireError("it is not a signature of ssh-keygen -Y")
    try:
        return base64.b64decode("".join(lines[1 : lines.index(_END)]), validate=True)
    except ValueError:  # of a character that is not ASCII, too
        raise WireError("it is not a signature of ssh-keygen -Y") from None
