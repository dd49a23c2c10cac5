"""The OCSP request in the path of a GET (RFC 6960 appendix A.1): base64, then URL-escaped, in theory.

Clients leave ``+`` and ``/`` as they are, drop the padding or put a second slash before it all;
proxies collapse ``//``. The DER inside says how long it is, which tells a whole request from a
damaged one.
"""

import base64
import binascii
from urllib.parse import unquote_to_bytes

from newel.crypto.der import DerError, only

LONGEST_PATH = 4096  # octets of base64, escapes included
_MOST_SLASHES = 32  # places where a collapsed slash is looked for


def requests_in(escaped: bytes) -> list[bytes]:
    """The DER requests that the end of a raw path may mean, the likeliest first; none: malformed.

    More than one only where a proxy has taken a slash away: the caller takes the one it knows.
    """
    if len(escaped) > LONGEST_PATH:
        return []
    text = unquote_to_bytes(escaped).lstrip(b"/")  # the base64 of a SEQUENCE begins with M
    whole = _decoded(text)
    if whole is not None:
        return [whole]
    slashes = [at for at, octet in enumerate(text) if octet == ord("/")][:_MOST_SLASHES]
    mended = (_decoded(text[:at] + b"/" + text[at:]) for at in slashes)
    return list(dict.fromkeys(der for der in mended if der is not None))


def _decoded(text: bytes) -> bytes | None:
    unpadded = text.rstrip(b"=")
    try:
        der = base64.b64decode(unpadded + b"=" * (-len(unpadded) % 4), validate=True)
        return only(der).raw
    except (binascii.Error, DerError):
        return None
