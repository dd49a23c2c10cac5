"""Fingerprints as the step tools write and compare them."""

import base64
import hashlib

_DECORATION = str.maketrans("", "", "-: ")


def fingerprint(der: bytes) -> str:
    """SHA-256 of a DER certificate, 64 lower-case hex digits."""
    return hashlib.sha256(der).hexdigest()


def normalise(text: str) -> str:
    """Return a typed fingerprint without dashes, colons and blanks, in lower case."""
    return text.translate(_DECORATION).lower()


def confirmation(der: bytes) -> str:
    """Return the ``x5rt#S256`` value of a token's ``cnf`` claim: base64url SHA-256 of a DER request."""
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
