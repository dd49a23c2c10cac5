"""base64url without padding, strictly (RFC 7515 §2): each octet string has one text."""

import binascii
import re

from newel.acme.problems import AcmeError

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*\Z")
_TO_STANDARD = str.maketrans("-_", "+/")


def encode(octets: bytes) -> str:
    """The unpadded text."""
    text = binascii.b2a_base64(octets, newline=False).rstrip(b"=").decode()
    return text.replace("+", "-").replace("/", "_")


def decode(text: str, what: str = "value") -> bytes:
    """The octets. Padding, other alphabets, white space and stray low bits are ``malformed``."""
    remainder = len(text) % 4
    if remainder == 1 or not _ALPHABET.match(text):
        raise AcmeError("malformed", f"the {what} is not unpadded base64url")
    octets = binascii.a2b_base64(text.translate(_TO_STANDARD) + "=" * (-remainder % 4))
    if remainder and encode(octets[-(remainder - 1) :]) != text[-remainder:]:
        # the unused bits of the last character must be zero, or one value would have several texts
        raise AcmeError("malformed", f"the {what} has stray bits at its end")
    return octets
