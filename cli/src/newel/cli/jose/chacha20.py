"""ChaCha20-Poly1305 (RFC 8439) as a content encryption of JWE, ``C20P`` as draft-amringer-jose-chacha has it.

For machines without AES in hardware, and for whoever would not rest on one cipher. The JOSE library has it only
with another cryptographic library beside the one that is here already.
"""

from typing import Any

NAME = "C20P"
TAG = 16
"""Octets at the end of what the cipher gives; JWE keeps them apart."""


def register() -> None:
    """Makes the JOSE library know it. Done again it changes nothing."""
    from joserfc.jwe import JWERegistry

    if NAME not in JWERegistry.algorithms["enc"]:
        JWERegistry.register(model())


def model() -> Any:
    """The cipher as the library calls it."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    from joserfc._rfc7516.models import (
        JWEEncModel,  # pyright: ignore[reportPrivateUsage] - its drafts have no other base either
    )

    class ChaCha20(JWEEncModel):
        name = NAME
        description = "ChaCha20-Poly1305"
        cek_size = 256
        iv_size = 96

        def encrypt(
            self, plaintext: bytes, cek: bytes, iv: bytes, aad: bytes
        ) -> tuple[bytes, bytes]:
            sealed = ChaCha20Poly1305(cek).encrypt(iv, plaintext, aad)
            return sealed[:-TAG], sealed[-TAG:]

        def decrypt(
            self, ciphertext: bytes, tag: bytes, cek: bytes, iv: bytes, aad: bytes
        ) -> bytes:
            return ChaCha20Poly1305(cek).decrypt(iv, ciphertext + tag, aad)

    return ChaCha20()
