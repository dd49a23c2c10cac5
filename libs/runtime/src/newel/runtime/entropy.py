"""The one place where services draw random numbers.

Everything here comes from `random_bytes`, so that a run can be repeated by replacing one function.
"""

import base64
import os


def random_bytes(size: int) -> bytes:
    """Return ``size`` unpredictable octets."""
    return os.urandom(size)


def random_hex(size: int) -> str:
    """Return ``size`` unpredictable octets as hexadecimal digits."""
    return random_bytes(size).hex()


def random_password(size: int) -> str:
    """Return ``size`` unpredictable octets as URL-safe base64 text without padding."""
    return base64.urlsafe_b64encode(random_bytes(size)).rstrip(b"=").decode()


def random_fraction() -> float:
    """Return a number that is evenly distributed over [0, 1): for jitter."""
    return (int.from_bytes(random_bytes(7)) >> 3) / (1 << 53)
