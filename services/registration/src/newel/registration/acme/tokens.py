"""Challenge tokens: 256 unpredictable bits, another one for each challenge (RFC 8555 §8.3, §11.3)."""

import hashlib

from newel.jose import base64url
from newel.runtime.entropy import random_bytes


def new_seed() -> bytes:
    """An authorization's secret, from which its tokens are made."""
    return random_bytes(32)


def token(seed: bytes, challenge: str) -> str:
    """The token of one challenge type of the authorization with that seed."""
    return base64url.encode(hashlib.sha256(challenge.encode() + b"\0" + seed).digest())
