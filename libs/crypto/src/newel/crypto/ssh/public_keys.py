"""Public keys and certificates as SSH writes them: ``type base64 comment`` on one line (RFC 4253 §6.6)."""

import base64
import hashlib
from typing import TYPE_CHECKING, NamedTuple

from newel.crypto.ssh.wire import Reader, WireError

if TYPE_CHECKING:
    from newel.crypto.keys import PrivateKey, PublicKey

CERTIFICATE = "-cert-v01@openssh.com"
FIELDS = {
    "ssh-rsa": ("RSA", 2),
    "ssh-dss": ("DSA", 4),
    "ssh-ed25519": ("ED25519", 1),
    "ecdsa-sha2-nistp256": ("ECDSA", 2),
    "ecdsa-sha2-nistp384": ("ECDSA", 2),
    "ecdsa-sha2-nistp521": ("ECDSA", 2),
    "sk-ssh-ed25519@openssh.com": ("SK-ED25519", 2),
    "sk-ecdsa-sha2-nistp256@openssh.com": ("SK-ECDSA", 3),
}
"""By type: how the kind is shown, and how many strings the key consists of after its type."""


class Line(NamedTuple):
    """One line of an authorized_keys, ``.pub`` or ``-cert.pub`` file."""

    type: str
    wire: bytes
    comment: str

    @property
    def certificate(self) -> bool:
        """Whether it is a certificate and not a bare key."""
        return self.type.endswith(CERTIFICATE)


def read_line(data: bytes) -> Line:
    """Return the first key of a file; comments, blank lines and options before it are skipped.

    Raises WireError where there is none.
    """
    for row in data.decode(errors="replace").splitlines():
        words = row.strip().split(" ")
        if row.lstrip().startswith("#"):
            continue
        for place in range(len(words) - 1):
            line = _line(words[place], words[place + 1], " ".join(words[place + 2 :]).strip())
            if line is not None:
                return line
    raise WireError("no key found")


def _line(kind: str, encoded: str, comment: str) -> Line | None:
    if plain_type(kind) not in FIELDS:
        return None
    try:
        wire = base64.b64decode(encoded, validate=True)
        if Reader(wire).text() != kind:
            return None
    except ValueError:  # of base64, or a WireError
        return None
    return Line(kind, wire, comment)


def plain_type(kind: str) -> str:
    """Return the key type under a certificate's type; a bare key's own."""
    if not kind.endswith(CERTIFICATE):
        return kind
    bare = kind.removesuffix(CERTIFICATE)
    return f"{bare}@openssh.com" if bare.startswith("sk-") else bare


def certificate_type(kind: str) -> str:
    """Return the type of a certificate for a key of this type."""
    return kind.removesuffix("@openssh.com") + CERTIFICATE


def write_line(wire: bytes, comment: str = "") -> bytes:
    """Return the line for a key or certificate, with its end."""
    words = (Reader(wire).text(), base64.b64encode(wire).decode(), comment)
    return " ".join(word for word in words if word).encode() + b"\n"


def wire_of(key: "PublicKey | PrivateKey") -> bytes:
    """Return the public key as SSH writes it."""
    from cryptography.hazmat.primitives import serialization

    from newel.crypto.keys import PrivateKey

    public = key.public_key() if isinstance(key, PrivateKey) else key
    line = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return read_line(line).wire


def read_fields(kind: str, source: Reader) -> list[bytes]:
    """Return the strings that a key of this type consists of. Raises WireError for an unknown type."""
    if kind not in FIELDS:
        raise WireError(f"public key {kind} is not supported")
    return [source.string() for _ in range(FIELDS[kind][1])]


def kind_and_size(wire: bytes) -> tuple[str, int]:
    """Return how a bare key's kind is shown, and its bits. Raises WireError."""
    source = Reader(wire)
    kind = source.text()
    fields = read_fields(kind, source)
    source.end()
    shown = FIELDS[kind][0]
    if kind == "ssh-rsa":
        return shown, 8 * len(fields[1].lstrip(b"\0"))
    if kind == "ssh-dss":
        return shown, int.from_bytes(fields[0]).bit_length()
    return shown, int(kind[-3:]) if kind.startswith("ecdsa") else 256


def fingerprint(wire: bytes) -> bytes:
    """SHA-256 over the key or certificate."""
    return hashlib.sha256(wire).digest()


def format_key(wire: bytes) -> str:
    """Return the fingerprint as ssh-keygen prints it."""
    return "SHA256:" + base64.b64encode(fingerprint(wire)).decode().rstrip("=")
