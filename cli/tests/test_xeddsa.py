"""XEdDSA, judged by the library's Ed25519 under the public key that an X25519 key stands for."""

import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from newel.cli.operations.tokens import xeddsa

P = 2**255 - 19


def verifier(private: bytes) -> Ed25519PublicKey:
    """y = (u - 1) / (u + 1), with the sign 0."""
    public = X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    u = int.from_bytes(public, "little")
    y = (u - 1) * pow(u + 1, -1, P) % P
    return Ed25519PublicKey.from_public_bytes(y.to_bytes(32, "little"))


@pytest.mark.parametrize("number", range(16))
def test_a_signature_verifies_and_another_message_s_does_not(number: int) -> None:
    """Among sixteen keys are some whose public key has either sign."""
    private = hashlib.sha256(bytes([number])).digest()
    signature = xeddsa.sign(private, b"message", hashlib.sha512(bytes([number])).digest())
    verifier(private).verify(signature, b"message")
    with pytest.raises(InvalidSignature):
        verifier(private).verify(signature, b"other")


def test_other_lengths_are_refused() -> None:
    for private, random in ((bytes(31), bytes(64)), (bytes(32), bytes(32))):
        with pytest.raises(ValueError, match="octets"):
            xeddsa.sign(private, b"", random)
