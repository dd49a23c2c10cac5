"""Anti-replay nonces (RFC 8555 §6.5): authenticated by an HMAC, so that only used ones are stored.

A nonce is 4 octets of time, 12 random, 16 of HMAC-SHA-256. The insert of its first 16 octets decides that it
is used once; the HMAC proves its origin and its age.
"""

import hmac

from newel.jose import base64url
from newel.jose.errors import MalformedError
from newel.runtime.clock import Clock
from newel.runtime.entropy import random_bytes
from newel.runtime.errors import ErrorType, NewelError

LIFETIME = 3600
"""Seconds within which a nonce has to be used."""

_SKEW = 300  # seconds the clocks of two replicas may differ
_BODY, _MAC, _TEXT = 16, 16, 43


class Nonces:
    """Issues and recognizes the nonces of every replica that shares ``secret``."""

    def __init__(self, clock: Clock, secret: bytes | None = None) -> None:
        self._clock = clock
        self._secret = secret

    def share(self, secret: bytes) -> None:
        """Set the secret, once it was read from the database; no nonce works before."""
        self._secret = secret

    def new(self) -> str:
        """Return a fresh nonce as text."""
        body = int(self._clock.unix()).to_bytes(4, "big") + random_bytes(_BODY - 4)
        return base64url.encode(body + self._mac(body))

    def key(self, text: str) -> bytes:
        """Return the part of a nonce that is stored when it is used. Raises ``badNonce`` unless it is current."""
        if len(text) != _TEXT:
            raise bad_nonce("it was not made here")
        try:
            octets = base64url.decode(text)
        except MalformedError as error:
            raise bad_nonce("it was not made here") from error
        body, mac = octets[:_BODY], octets[_BODY:]
        if not hmac.compare_digest(mac, self._mac(body)):
            raise bad_nonce("it was not made here")
        age = self._clock.unix() - int.from_bytes(body[:4], "big")
        if not -_SKEW <= age <= LIFETIME:
            raise bad_nonce("it is too old")
        return body

    def expired_before(self) -> bytes:
        """Return the key below which all nonces have expired on every replica."""
        return max(0, int(self._clock.unix()) - LIFETIME - 2 * _SKEW).to_bytes(4, "big")

    def _mac(self, body: bytes) -> bytes:
        if self._secret is None:
            raise RuntimeError("the nonces' secret is not loaded yet")
        return hmac.digest(self._secret, body, "sha256")[:_MAC]


def bad_nonce(cause: str) -> NewelError:
    """Make the error that a client answers by trying again with the nonce that comes with it."""
    return NewelError(ErrorType.BAD_NONCE, "the nonce is not acceptable", cause=cause)
