"""SSH certificate bodies: PROTOCOL.certkeys of OpenSSH, up to and with the signature key.

The wire format is RFC 4251 §5: strings with a length in front, integers of fixed size.
"""

import datetime as dt
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from newel.signer.errors import malformed_error

MAX_SIZE = 64 * 1024
FOREVER = 2**64 - 1
TYPES = {1: "user", 2: "host"}

# How many strings the public key has, by certificate type; DSA and others are not signed
_KEY_FIELDS = {
    b"ssh-ed25519-cert-v01@openssh.com": 1,
    b"ssh-rsa-cert-v01@openssh.com": 2,
    b"ecdsa-sha2-nistp256-cert-v01@openssh.com": 2,
    b"ecdsa-sha2-nistp384-cert-v01@openssh.com": 2,
    b"ecdsa-sha2-nistp521-cert-v01@openssh.com": 2,
    b"sk-ssh-ed25519-cert-v01@openssh.com": 2,
    b"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com": 3,
}


@dataclass(frozen=True, slots=True)
class SSHStatement:
    """An SSH certificate without its signature."""

    serial: int
    certificate_type: str  # "user", "host", or "" for a type that does not exist
    key_id: str
    principals: Sequence[str]
    valid_after: int  # seconds since 1970
    valid_before: int
    critical_options: Mapping[str, bytes]
    signature_key: bytes  # the wire blob of the authority's public key

    @property
    def identity(self) -> str:
        """What the audit trail calls it: serial, key id and principals."""
        return f"{self.serial} {self.key_id} {','.join(self.principals)}"

    @property
    def lasts_until(self) -> dt.datetime | None:
        """When it ends; None for one that never does, or not within the calendar."""
        try:
            return dt.datetime.fromtimestamp(self.valid_before, dt.UTC)
        except (OverflowError, ValueError, OSError):
            return None


class _Reader:
    """Reads RFC 4251 values in order; raises ``ValueError`` past the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise ValueError("it ends too early")
        taken, self._at = self._data[self._at : end], end
        return taken

    def uint32(self) -> int:
        return struct.unpack(">I", self.take(4))[0]

    def uint64(self) -> int:
        return struct.unpack(">Q", self.take(8))[0]

    def string(self) -> bytes:
        return self.take(self.uint32())

    @property
    def done(self) -> bool:
        return self._at == len(self._data)


def parse_ssh(body: bytes) -> SSHStatement:
    """The certificate that ``body`` states. Raises :func:`malformed_error`."""
    if len(body) > MAX_SIZE:
        raise malformed_error(f"{len(body)} octets, the most is {MAX_SIZE}")
    try:
        return _parse(_Reader(body))
    except ValueError as error:
        raise malformed_error(f"no SSH certificate body: {error}") from None


def _parse(reader: _Reader) -> SSHStatement:
    fields = _KEY_FIELDS.get(reader.string())
    if fields is None:
        raise ValueError("no certificate type that is signed here")
    for _ in range(1 + fields):  # the nonce, then the public key
        reader.string()
    serial, kind = reader.uint64(), reader.uint32()
    key_id, principals = reader.string().decode(), _Reader(reader.string())
    valid_after, valid_before = reader.uint64(), reader.uint64()
    options, _extensions, reserved, signature_key = (reader.string() for _ in range(4))
    if reserved or not reader.done:
        raise ValueError("something stands where nothing is due")
    names: list[str] = []
    while not principals.done:
        names.append(principals.string().decode())
    return SSHStatement(
        serial,
        TYPES.get(kind, ""),
        key_id,
        names,
        valid_after,
        valid_before,
        _options(options),
        signature_key,
    )


def _options(data: bytes) -> dict[str, bytes]:
    """Name and value pairs, in lexical order and each once, as the format demands."""
    reader, found = _Reader(data), dict[str, bytes]()
    last = ""
    while not reader.done:
        name = reader.string().decode()
        if name <= last:
            raise ValueError("options out of order or twice")
        found[name] = reader.string()
        last = name
    return found
