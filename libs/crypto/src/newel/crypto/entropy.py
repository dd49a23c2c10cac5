"""The one place where the libraries draw random numbers.

Everything here comes from `random_bytes`, so that a run can be repeated by replacing one function.
"""

import secrets


def random_bytes(size: int) -> bytes:
    """Return ``size`` unpredictable octets."""
    return secrets.token_bytes(size)


def random_hex(size: int) -> str:
    """Return ``size`` unpredictable octets as hexadecimal digits."""
    return random_bytes(size).hex()


def random_bits(count: int) -> int:
    """Return an unpredictable integer of at most ``count`` bits."""
    return int.from_bytes(random_bytes((count + 7) // 8)) >> (-count % 8)


def random_fraction() -> float:
    """Return a number that is evenly distributed over [0, 1): for jitter."""
    return random_bits(53) / (1 << 53)
