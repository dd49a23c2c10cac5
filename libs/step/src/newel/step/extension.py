"""The step provisioner extension: which provisioner let a certificate be issued.

SEQUENCE { type INTEGER, name OCTET STRING, credentialID OCTET STRING,
           keyValuePairs SEQUENCE OF (PrintableString | UTF8String) OPTIONAL }, never critical.
"""

import enum
import re
from dataclasses import dataclass

OID = "1.3.6.1.4.1.37476.9000.64.1"

_SEQUENCE, _INTEGER, _OCTETS, _UTF8, _PRINTABLE = 0x30, 0x02, 0x04, 0x0C, 0x13
_PRINTABLE_TEXT = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*", re.ASCII)


class ProvisionerType(enum.IntEnum):
    """The numbers of the extension, named as ca.json names the kinds."""

    JWK = 1
    OIDC = 2
    GCP = 3
    AWS = 4
    Azure = 5
    ACME = 6
    X5C = 7
    K8sSA = 8
    SSHPOP = 9
    SCEP = 10
    Nebula = 11


@dataclass(frozen=True, slots=True)
class ProvisionerExtension:
    """What the extension says. ``key_values`` is ordered."""

    type: ProvisionerType
    name: str
    credential_id: str = ""
    key_values: tuple[tuple[str, str], ...] = ()

    def encode(self) -> bytes:
        """The extension's value in DER."""
        pairs = b"".join(_string(text) for pair in self.key_values for text in pair)
        return _tlv(
            _SEQUENCE,
            _tlv(_INTEGER, bytes([self.type]))
            + _tlv(_OCTETS, self.name.encode())
            + _tlv(_OCTETS, self.credential_id.encode())
            + (_tlv(_SEQUENCE, pairs) if pairs else b""),
        )

    @classmethod
    def decode(cls, der: bytes) -> "ProvisionerExtension":
        """From the extension's value. Raises ValueError for anything but strict DER."""
        body, rest = _take(der, _SEQUENCE)
        number, body = _take(body, _INTEGER)
        name, body = _take(body, _OCTETS)
        credential, body = _take(body, _OCTETS)
        texts: list[str] = []
        if body:
            pairs, body = _take(body, _SEQUENCE)
            while pairs:
                text, pairs = _take(pairs, _UTF8, _PRINTABLE)
                texts.append(text.decode())
        if rest or body or len(number) != 1 or len(texts) % 2:
            raise ValueError("malformed provisioner extension")
        return cls(
            ProvisionerType(number[0]),
            name.decode(),
            credential.decode(),
            tuple(zip(texts[::2], texts[1::2], strict=True)),
        )


def _string(text: str) -> bytes:
    return _tlv(_PRINTABLE if _PRINTABLE_TEXT.fullmatch(text) else _UTF8, text.encode())


def _tlv(tag: int, content: bytes) -> bytes:
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _take(data: bytes, *tags: int) -> tuple[bytes, bytes]:
    """The content of the first element, which has one of the tags, and what follows it."""
    if len(data) < 2 or data[0] not in tags:
        raise ValueError("malformed provisioner extension")
    start, length = 2, data[1]
    if length >= 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
        if start > 6 or length < 0x80 or data[2] == 0:
            raise ValueError("malformed provisioner extension")
    if start + length > len(data):
        raise ValueError("malformed provisioner extension")
    return data[start : start + length], data[start + length :]
