"""Renewal information (RFC 9773): the identifiers of certificates, and the suggested window."""

from typing import NamedTuple

import msgspec

from newel.acme.problems import ACMEError, ErrorCode
from newel.jose import base64url
from newel.jose.errors import MalformedError

_MAX_KEY_IDENTIFIER = 64
_MAX_SERIAL = 21  # octets: 20 (RFC 5280 §4.1.2.2), and a leading zero


class CertificateID(NamedTuple):
    """The identifier of a certificate (RFC 9773 §4.1)."""

    key_identifier: bytes
    """The keyIdentifier of its Authority Key Identifier extension."""
    serial: int

    @property
    def serial_octets(self) -> bytes:
        """The serial number, big-endian, without leading zeros."""
        return self.serial.to_bytes((self.serial.bit_length() + 7) // 8, "big")

    def __str__(self) -> str:
        """Return the identifier as URLs and orders have it."""
        content = self.serial.to_bytes(self.serial.bit_length() // 8 + 1, "big")
        return f"{base64url.encode(self.key_identifier)}.{base64url.encode(content)}"

    @classmethod
    def parse(cls, text: str) -> "CertificateID":
        """Parse an identifier. Raises ``malformed`` for any but the one form that RFC 9773 gives it.

        The serial number is the content of its DER encoding: positive, with a leading zero octet exactly
        where the first bit would be set without.
        """
        key, _, serial = text.partition(".")
        try:
            found = cls(base64url.decode(key), int.from_bytes(octets := base64url.decode(serial)))
        except MalformedError as error:
            raise _malformed_error() from error
        is_sized = 0 < len(found.key_identifier) <= _MAX_KEY_IDENTIFIER
        if not is_sized or len(octets) > _MAX_SERIAL or not found.serial or str(found) != text:
            raise _malformed_error()
        return found


class SuggestedWindow(msgspec.Struct):
    """When to renew: at a random time between the two, in RFC 3339 (RFC 9773 §4.2)."""

    start: str
    end: str


class RenewalInfo(msgspec.Struct, rename="camel", omit_defaults=True):
    """The renewal information of a certificate (RFC 9773 §4.2)."""

    suggested_window: SuggestedWindow
    explanation_url: str = msgspec.field(default="", name="explanationURL")


def _malformed_error() -> ACMEError:
    return ACMEError(ErrorCode.MALFORMED, "this is no identifier of a certificate (RFC 9773 §4.1)")
