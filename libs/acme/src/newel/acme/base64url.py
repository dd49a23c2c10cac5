"""base64url without padding, strictly (RFC 7515 §2): each octet string has one text."""

import binascii

from newel.acme.problems import AcmeError

_TO_URL = bytes.maketrans(b"+/", b"-_")
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


def encode(octets: bytes) -> str:
    """The unpadded text."""
    text = binascii.b2a_base64(octets, newline=False)
    return text.translate(_TO_URL, b"=").decode()


def decode(text: str, what: str = "value") -> bytes:
    """The octets. Padding, other alphabets, white space and stray low bits are ``malformed``."""
    try:
        octets = binascii.a2b_base64(text.encode().translate(_TO_STANDARD) + b"==")
    except ValueError as error:
        raise AcmeError("malformed", f"the {what} is not unpadded base64url") from error
    # the library passes over what it does not know: the one text of these octets tells
    if encode(octets) != text:
        raise AcmeError("malformed", f"the {what} is not unpadded base64url")
    return octets
