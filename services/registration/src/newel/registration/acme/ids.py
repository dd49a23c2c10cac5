"""Ids of accounts and orders: 18 octets, time first, 96 random bits; 24 characters in a URL."""

from newel.jose import base64url
from newel.jose.errors import MalformedError
from newel.runtime.entropy import random_bytes

_SIZE = 18
_TEXT = 24


def new_id(now: float) -> bytes:
    """A fresh id. ``now`` is in seconds since 1970; its milliseconds are the first 6 octets."""
    return floor(now) + random_bytes(_SIZE - 6)


def floor(now: float) -> bytes:
    """The prefix every id made at or after ``now`` is not less than."""
    return int(now * 1000).to_bytes(6, "big")


def text(value: bytes) -> str:
    """The id as it stands in URLs."""
    return base64url.encode(value)


def parse(value: str) -> bytes | None:
    """The id a URL names, or None when it cannot be one."""
    if len(value) != _TEXT:
        return None
    try:
        return base64url.decode(value)
    except MalformedError:
        return None


def parse_authorization(value: str) -> tuple[bytes, int] | None:
    """Order id and position of an authorization's name, ``<order>.<position>``; None for any other text."""
    order, _, position = value.partition(".")
    number = parse(order)
    if number is None or not position.isascii() or not position.isdecimal() or len(position) > 3:
        return None
    if str(int(position)) != position:  # "01" would be a second name of "1"
        return None
    return number, int(position)
