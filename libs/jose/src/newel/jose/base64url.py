"""Strict base64url without padding (RFC 7515 §2): each octet string has exactly one text."""

import binascii

from newel.jose.errors import MalformedError

_TO_URL = bytes.maketrans(b"+/", b"-_")
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")  # "!" makes foreign characters errors
_PADDING = {0: b"", 2: b"==", 3: b"="}
_LAST = {0: None, 2: b"AQgw", 3: b"AEIMQUYcgkosw048"}  # those whose unused bits are zero


def encode(octets: bytes) -> str:
    """Return the unpadded text."""
    return binascii.b2a_base64(octets, newline=False).translate(_TO_URL, b"=").decode()


def decode(text: str | bytes, what: str = "value") -> bytes:
    """Return the octets of unpadded base64url.

    Padding, other alphabets, white space and stray low bits raise MalformedError, which names
    ``what`` was decoded.
    """
    try:
        data = text.encode() if isinstance(text, str) else text
        spare = len(data) % 4
        last = _LAST[spare]
        if last is None or data[-1] in last:
            return binascii.a2b_base64(
                data.translate(_TO_STANDARD) + _PADDING[spare], strict_mode=True
            )
    except (ValueError, KeyError):
        pass
    raise MalformedError(f"the {what} is not unpadded base64url")
