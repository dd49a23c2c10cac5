"""XEdDSA: what a host of a Nebula network signs, as the authority verifies it."""

import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from newel.cli.operations.tokens import xeddsa
from newel.jose.xeddsa import verify as xeddsa_verify


@pytest.mark.parametrize("number", range(16))
def test_a_signature_verifies_and_another_message_s_does_not(number: int) -> None:
    """Among sixteen keys are some whose public key has either sign."""
    private = hashlib.sha256(bytes([number])).digest()
    signature = xeddsa.sign(private, b"message", hashlib.sha512(bytes([number])).digest())
    key = X25519PrivateKey.from_private_bytes(private).public_key()
    xeddsa_verify(key, signature, b"message")
    with pytest.raises(InvalidSignature):
        xeddsa_verify(key, signature, b"other")


def test_other_lengths_are_refused() -> None:
    for private, random in ((bytes(31), bytes(64)), (bytes(32), bytes(32))):
        with pytest.raises(ValueError, match="octets"):
            xeddsa.sign(private, b"", random)
