"""Base64, base32 and digests."""

import binascii
import hashlib
import zlib
from base64 import b32decode, b32encode, b64decode, b64encode

from newel.gotemplate.budget import Budget
from newel.gotemplate.calls import Functions, declare
from newel.gotemplate.errors import CallError
from newel.gotemplate.literals import octets, to_text


def from_base64(value: str) -> bytes:
    """The octets of base64, which may be broken into lines; CallError in Go's words."""
    body = octets(value).replace(b"\r", b"").replace(b"\n", b"")
    try:
        return b64decode(body, validate=True)
    except binascii.Error:
        place = bad_place(body, BASE64)
        raise CallError(f"illegal base64 data at input byte {place}") from None


def decode_base64(value: str) -> str:
    """Base64 read; the reason where it is none, as the original gives it."""
    try:
        return to_text(from_base64(value))
    except CallError as error:
        return str(error)


def decode_base32(value: str) -> str:
    """Base32 read; the reason where it is none, as the original gives it."""
    body = octets(value).replace(b"\r", b"").replace(b"\n", b"")
    try:
        return to_text(b32decode(body))
    except binascii.Error:
        return f"illegal base32 data at input byte {bad_place(body, BASE32)}"


BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def bad_place(body: bytes, alphabet: bytes) -> int:
    """The first octet outside of the alphabet, else the end."""
    return next((place for place, each in enumerate(body) if each not in alphabet), len(body))


def random_octets(budget: Budget, count: int) -> str:
    """Unpredictable octets in base64."""
    return b64encode(budget.random(max(count, 0))).decode()


FUNCTIONS: Functions = {
    "b64enc": declare("string", lambda value: b64encode(octets(value)).decode()),
    "b64dec": declare("string", decode_base64),
    "b32enc": declare("string", lambda value: b32encode(octets(value)).decode()),
    "b32dec": declare("string", decode_base32),
    "sha1sum": declare(
        "string", lambda value: hashlib.sha1(octets(value), usedforsecurity=False).hexdigest()
    ),
    "sha256sum": declare("string", lambda value: hashlib.sha256(octets(value)).hexdigest()),
    "sha512sum": declare("string", lambda value: hashlib.sha512(octets(value)).hexdigest()),
    "adler32sum": declare("string", lambda value: str(zlib.adler32(octets(value)))),
    "randBytes": declare("int", random_octets, bounded=True),
}
