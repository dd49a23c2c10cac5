"""The step provisioner extension, which names the provisioner that authorized a certificate.

SEQUENCE { type INTEGER, name OCTET STRING, credentialID OCTET STRING,
           keyValuePairs SEQUENCE OF (PrintableString | UTF8String) OPTIONAL }, never critical.
"""

import enum
import re
from dataclasses import dataclass

from newel.crypto import der, oids

OID = oids.STEP_PROVISIONER

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
    mTLS = 100  # noqa: N815 - as ca.json names the kind
    """Not one of step's, which has no such kind and leaves room."""


@dataclass(frozen=True, slots=True)
class ProvisionerExtension:
    """What the extension says. ``key_values`` is ordered."""

    type: ProvisionerType
    name: str
    credential_id: str = ""
    key_values: tuple[tuple[str, str], ...] = ()

    def encode(self) -> bytes:
        """Return the extension's value in DER."""
        pairs = b"".join(_string(text) for pair in self.key_values for text in pair)
        return der.sequence(
            der.integer(self.type),
            der.octet_string(self.name.encode()),
            der.octet_string(self.credential_id.encode()),
            der.sequence(pairs) if pairs else b"",
        )

    @classmethod
    def decode(cls, value: bytes) -> "ProvisionerExtension":
        """Decode the extension's value. Raises ValueError for anything but strict DER."""
        body = der.Reader(der.only(value).content)
        number = body.integer()
        name, credential = (body.read(der.OCTET_STRING).content.decode() for _ in range(2))
        texts: list[str] = []
        if not body.at_end:
            pairs = body.sequence()
            while not pairs.at_end:
                tag = der.PRINTABLE_STRING if pairs.peek() == der.PRINTABLE_STRING else None
                texts.append(pairs.read(tag or der.UTF8_STRING).content.decode())
        body.end()
        if len(texts) % 2:
            raise ValueError("a key without a value in the provisioner extension")
        return cls(
            ProvisionerType(number),
            name,
            credential,
            tuple(zip(texts[::2], texts[1::2], strict=True)),
        )


def _string(text: str) -> bytes:
    printable = _PRINTABLE_TEXT.fullmatch(text)
    return der.tlv(der.PRINTABLE_STRING if printable else der.UTF8_STRING, text.encode())
