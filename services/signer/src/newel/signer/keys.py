"""The interface of a signing key, wherever it is stored."""

from typing import Protocol

from newel.crypto.keys import PublicKey


class KeyUnavailableError(Exception):
    """The key cannot be used now: its token is missing, locked or another one. A retry may help."""


class KeyExistsError(Exception):
    """A key of that name exists already, and keys are never replaced."""


class SigningKey(Protocol):
    """A private key that signs and cannot be read."""

    @property
    def public_key(self) -> PublicKey:
        """The public half, read once when the key was opened."""
        ...

    @property
    def concurrency(self) -> int:
        """The number of signatures that the key can make at once, each in a thread.

        0 means that a signature takes microseconds and is made on the event loop.
        """
        ...

    @property
    def needs_verification(self) -> bool:
        """Whether the signer verifies its signatures: those of a device, which may be faulty."""
        ...

    @property
    def max_body(self) -> int | None:
        """The most octets that the key signs; None for any number."""
        ...

    def sign(self, body: bytes) -> bytes:
        """Sign ``body``: a DER ECDSA-Sig-Value, a PKCS #1 block, or raw Ed25519.

        Blocks; safe to call from several threads. Raises :class:`KeyUnavailableError`.
        """
        ...

    def close(self) -> None:
        """Release the sessions that hold the key open."""
        ...
