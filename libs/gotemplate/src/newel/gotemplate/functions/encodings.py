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
    """Decode base64, which may be broken into lines; raise CallError in Go's words."""
    body = octets(value).replace(b"\r", b"").replace(b"\n", b"")
    try:
        if len(body) % 4 == 0:
            return b64decode(body, validate=True)
    except binascii.Error:
        pass
    raise CallError(f"illegal base64 data at input byte {base64_fault(body)}")


def base64_fault(body: bytes) -> int:
    """Return the position that Go's decoder names in invalid base64."""
    for start in range(0, len(body), 4):
        quantum = body[start : start + 4]
        for place, each in enumerate(quantum, start):
            if each in BASE64:
                continue
            if each != ord("=") or place < start + 2:
                return place
            if place > start + 2 or body[place + 1 : place + 2] == b"=":
                return start + 4
            return place if place + 1 < len(body) else len(body)
        if len(quantum) < 4:
            return start
    return len(body)


def decode_base64(value: str) -> str:
    """Decode base64; like sprig, return the error's text for bad input."""
    try:
        return to_text(from_base64(value))
    except CallError as error:
        return str(error)


def decode_base32(value: str) -> str:
    """Decode base32; like sprig, return the error's text for bad input."""
    body = octets(value).replace(b"\r", b"").replace(b"\n", b"")
    try:
        return to_text(b32decode(body))
    except binascii.Error:
        return f"illegal base32 data at input byte {bad_place(body, BASE32)}"


BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def bad_place(body: bytes, alphabet: bytes) -> int:
    """Return the position of the first octet outside the alphabet, else the length."""
    return next((place for place, each in enumerate(body) if each not in alphabet), len(body))


def random_octets(budget: Budget, count: int) -> str:
    """Return unpredictable octets in base64."""
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
