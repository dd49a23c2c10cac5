"""SSH certificate bodies: PROTOCOL.certkeys of OpenSSH, up to and including the signature key."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from newel.crypto.ssh.wire import Reader
from newel.signer.errors import malformed_error

MAX_SIZE = 64 * 1024
FOREVER = 2**64 - 1
TYPES = {1: "user", 2: "host"}

# The number of strings in the public key, by certificate type; DSA and others are not signed
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
        """The name in the audit trail: serial, key id and principals."""
        return f"{self.serial} {self.key_id} {','.join(self.principals)}"

    @property
    def expires_at(self) -> dt.datetime | None:
        """When the validity ends; None if never, or beyond the calendar."""
        try:
            return dt.datetime.fromtimestamp(self.valid_before, dt.UTC)
        except (OverflowError, ValueError, OSError):
            return None


def parse_ssh(body: bytes) -> SSHStatement:
    """Parse an SSH certificate body. Raises :func:`malformed_error`."""
    if len(body) > MAX_SIZE:
        raise malformed_error(f"{len(body)} octets, the maximum is {MAX_SIZE}")
    try:
        return _parse(Reader(body))
    except ValueError as error:
        raise malformed_error(f"not an SSH certificate body: {error}") from None


def _parse(reader: Reader) -> SSHStatement:
    fields = _KEY_FIELDS.get(reader.string())
    if fields is None:
        raise ValueError("an unsupported certificate type")
    for _ in range(1 + fields):  # the nonce, then the public key
        reader.string()
    serial, kind = reader.uint64(), reader.uint32()
    key_id, principals = reader.string().decode(), reader.read_nested()
    valid_after, valid_before = reader.uint64(), reader.uint64()
    options, _extensions, reserved, signature_key = (reader.string() for _ in range(4))
    if reserved or not reader.at_end:
        raise ValueError("unexpected data")
    names = [name.decode() for name in principals.strings()]
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
    """Parse name and value pairs, which are unique and in lexical order."""
    reader, found = Reader(data), dict[str, bytes]()
    last = ""
    while not reader.at_end:
        name = reader.string().decode()
        if name <= last:
            raise ValueError("options out of order or twice")
        found[name] = reader.string()
        last = name
    return found
