"""The OCSP request in the path of a GET (RFC 6960 appendix A.1): base64, then URL-escaped, in theory.

Clients leave ``+`` and ``/`` as they are, drop the padding, use the alphabet of URLs, wrap lines, put a
slash before or after it all; proxies collapse ``//``, escape what is escaped already, and turn ``+``
into a space. The DER inside says how long it is, which tells a whole request from a damaged one.
"""

import base64
import binascii
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from newel.crypto.der import DERError, only

MAX_PATH = 4096  # octets of base64, escapes included
_MAX_SLASHES = 32  # places where a collapsed slash is looked for
_MAX_ESCAPES = 3  # how often a path may have been escaped: by the client and two proxies
_MAX_ENDINGS = 4
_LINE_BREAKS = b"\r\n\t"
_ALPHABET_OF_URLS = bytes.maketrans(b"-_", b"+/")


def decode_requests(escaped: bytes) -> list[bytes]:
    """Return the DER requests that the end of a raw path may mean, the likeliest first; none: malformed.

    More than one only where a proxy has taken a slash away: the caller takes the one it knows.
    """
    if len(escaped) > MAX_PATH:
        return []
    text = _unescape(escaped).translate(_ALPHABET_OF_URLS, _LINE_BREAKS)
    forms = _forms(text)
    for form in forms:
        for spelled in _endings(form):
            whole = _decode(spelled)
            if whole is not None:
                return [whole]
    return [der for form in forms for der in _restore_slash(form)]


def _unescape(escaped: bytes) -> bytes:
    """Remove the escapes of a path. Base64 has no percent sign: text with one is still escaped."""
    text = escaped
    for _ in range(_MAX_ESCAPES):
        if b"%" not in text:
            break
        text = unquote_to_bytes(text)
    return text


def _forms(text: bytes) -> list[bytes]:
    """Return what the text may have been, without the slashes before it: the base64 begins with M.

    A space was a plus sign, or stands where a line was broken.
    """
    form = text.strip(b" ").lstrip(b"/ ")
    return [form.replace(b" ", b"+"), form.replace(b" ", b"")] if b" " in form else [form]


def _endings(form: bytes) -> Iterator[bytes]:
    """Yield the text with and without the slashes at its end: they may be the URL's or the base64's."""
    for _ in range(_MAX_ENDINGS):
        yield form
        if not form.endswith(b"/"):
            return
        form = form[:-1]


def _restore_slash(text: bytes) -> list[bytes]:
    slashes = [at for at, octet in enumerate(text) if octet == ord("/")][:_MAX_SLASHES]
    restored = (_decode(text[:at] + b"/" + text[at:]) for at in slashes)
    return list(dict.fromkeys(der for der in restored if der is not None))


def _decode(text: bytes) -> bytes | None:
    unpadded = text.rstrip(b"=")
    try:
        der = base64.b64decode(unpadded + b"=" * (-len(unpadded) % 4), validate=True)
        return only(der).raw
    except (binascii.Error, DERError):
        return None
