"""Ids of accounts and orders, and the tokens of challenges.

An id is 18 octets, time first, 96 random bits; 24 characters in a URL. Accounts that another program made
keep the ids that their clients know: 24 octets, the 32 letters and digits of step-ca. A token has 256
unpredictable bits, another one for each challenge (RFC 8555 §8.3, §11.3).
"""

import datetime as dt
import hashlib

from newel.jose import base64url
from newel.jose.errors import MalformedError
from newel.runtime.entropy import random_bytes

_SIZE = 18
_TEXTS = frozenset((24, 32))


def new_id(now: dt.datetime) -> bytes:
    """Return a fresh id, whose first 6 octets are the milliseconds of ``now``."""
    return floor(now) + random_bytes(_SIZE - 6)


def floor(now: dt.datetime) -> bytes:
    """Return a prefix that is not greater than any id made at or after ``now``."""
    return int(now.timestamp() * 1000).to_bytes(6, "big")


def text(value: bytes) -> str:
    """Return an id as it appears in URLs."""
    return base64url.encode(value)


def parse(value: str) -> bytes | None:
    """Parse the id in a URL; None when it cannot be one."""
    if len(value) not in _TEXTS:
        return None
    try:
        return base64url.decode(value)
    except MalformedError:
        return None


def name_authorization(order: bytes, position: int) -> str:
    """Return the name of an authorization, ``<order>.<position>``."""
    return f"{text(order)}.{position}"


def parse_authorization(value: str) -> tuple[bytes, int] | None:
    """Parse the name of an authorization, ``<order>.<position>``; None for any other text."""
    order, _, position = value.partition(".")
    number = parse(order)
    if number is None or not position.isascii() or not position.isdecimal() or len(position) > 3:
        return None
    if str(int(position)) != position:  # "01" would be a second name of "1"
        return None
    return number, int(position)


def new_seed() -> bytes:
    """Return a fresh secret of an authorization, from which its tokens are derived."""
    return random_bytes(32)


def derive_token(seed: bytes, challenge: str) -> str:
    """Derive the token of one challenge type of the authorization with that seed."""
    return base64url.encode(hashlib.sha256(challenge.encode() + b"\0" + seed).digest())
