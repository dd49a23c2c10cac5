"""What the signer asks of a key, wherever it lives."""

from typing import Protocol

from newel.crypto.keys import PublicKey


class KeyUnavailableError(Exception):
    """The key cannot be used now: its token is gone, locked or another one. Trying later may help."""


class KeyExistsError(Exception):
    """There is a key by that name already, and it is not to be replaced."""


class SigningKey(Protocol):
    """One private key that signs and is never seen."""

    @property
    def public_key(self) -> PublicKey:
        """Its public half, read once when the key was opened."""
        ...

    @property
    def lanes(self) -> int:
        """How many signatures it can make at once, each in a thread of its own.

        0 says that a signature takes microseconds and is best made on the spot.
        """
        ...

    @property
    def hardware(self) -> bool:
        """Whether the signature comes from a device, whose answers are not to be trusted unseen."""
        ...

    def sign(self, body: bytes) -> bytes:
        """The signature over ``body``: DER ECDSA-Sig-Value, PKCS #1 block, or raw Ed25519.

        Blocks; safe to call from several threads. Raises :class:`KeyUnavailableError`.
        """
        ...

    def close(self) -> None:
        """Lets go of whatever holds the key open."""
        ...
