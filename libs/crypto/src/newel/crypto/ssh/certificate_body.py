"""The signed part of an SSH certificate (PROTOCOL.certkeys of OpenSSH): new, or a successor of another."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Self

from newel.crypto.ssh.public_keys import certificate_type, plain_type, read_fields, wire_of
from newel.crypto.ssh.wire import Reader, WireError, string

if TYPE_CHECKING:
    from newel.crypto.keys import PrivateKey

KINDS = {"user": 1, "host": 2}
NONCE = 32


class Body(NamedTuple):
    """What a certificate says. What a successor takes over stays as it was encoded."""

    key: bytes
    """The certified key, in wire form."""
    serial: int
    holder: bytes
    """Kind, key id and principals."""
    valid_after: int
    valid_before: int
    rights: bytes
    """Critical options, extensions, and the field that is reserved."""

    @classmethod
    def of(cls, wire: bytes) -> Self:
        """Return the body of a certificate. Raises WireError."""
        source = Reader(wire)
        _, key = read_head(source)
        serial, start = source.uint64(), source.place
        source.octets(4)
        skip(source, 2)
        holder = wire[start : source.place]
        after, before, start = source.uint64(), source.uint64(), source.place
        skip(source, 3)
        return cls(key, serial, holder, after, before, wire[start : source.place])

    def sign(self, authority: "PrivateKey", nonce: bytes) -> bytes:
        """Return the certificate, in wire form, by the authority that has this key."""
        from newel.crypto.ssh import signatures

        body = self.encode(wire_of(authority), nonce)
        return body + string(signatures.sign(authority, body))

    def encode(self, signature_key: bytes, nonce: bytes) -> bytes:
        """Return what the authority with this public key, in wire form, has to sign."""
        source = Reader(self.key)
        kind = source.text()
        return b"".join(
            (
                string(certificate_type(kind).encode()),
                string(nonce),
                *map(string, read_fields(kind, source)),
                self.serial.to_bytes(8),
                self.holder,
                self.valid_after.to_bytes(8),
                self.valid_before.to_bytes(8),
                self.rights,
                string(signature_key),
            )
        )


def read_head(source: Reader) -> tuple[str, bytes]:
    """Read the type, the nonce and the certified key; return the type and the key in wire form.

    Raises WireError for what is no certificate.
    """
    kind = source.text()
    bare = plain_type(kind)
    if bare == kind:
        raise WireError(f"{kind} is not a certificate")
    source.string()  # nonce
    return kind, string(bare.encode()) + b"".join(map(string, read_fields(bare, source)))


def skip(source: Reader, strings: int) -> None:
    """Skip some strings."""
    for _ in range(strings):
        source.string()


def holder(kind: str, key_id: str, principals: Sequence[str]) -> bytes:
    """Kind (``user`` or ``host``), key id and principals as a body has them."""
    names = b"".join(string(name.encode()) for name in principals)
    return KINDS[kind].to_bytes(4) + string(key_id.encode()) + string(names)


def rights(critical: Mapping[str, str], extensions: Mapping[str, str]) -> bytes:
    """Critical options and extensions as a body has them, and nothing in the field that is reserved."""
    return string(options(critical)) + string(options(extensions)) + string(b"")


def options(listed: Mapping[str, str]) -> bytes:
    """Return names in order with their values: a string within a string, or nothing."""
    return b"".join(
        string(name.encode()) + string(string(value.encode()) if value else b"")
        for name, value in sorted(listed.items())
    )
