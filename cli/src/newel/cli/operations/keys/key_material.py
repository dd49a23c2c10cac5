"""A key, whatever its kind."""

from typing import TypeAlias

from newel.crypto.keys import PrivateKey, PublicKey

Material: TypeAlias = PrivateKey | PublicKey | bytes
"""A key as the library has it; octets for a symmetric one."""
