"""A key in a key service: bounded in time and number, and every signature verified before it is used."""

import hashlib
from collections.abc import Callable
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from newel.crypto import keys
from newel.crypto.keys import InvalidKeyError, PublicKey
from newel.signer.keys import KeyUnavailableError
from newel.signer.keystore.services.circuit import Circuit

_EC_DIGESTS = {"secp256r1": "sha256", "secp384r1": "sha384"}

MAX_CAUSE_LENGTH = 300


class KeyService(Protocol):
    """One key of a service. Its client repeats what failed for a moment, a bounded number of times."""

    @property
    def public_key(self) -> PublicKey:
        """The public half, read when the key was opened."""
        ...

    @property
    def max_message(self) -> int:
        """The most octets of a message that the service signs."""
        ...

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign the digest of a statement: a DER ECDSA-Sig-Value or a PKCS #1 block.

        Raises :class:`KeyUnavailableError`.
        """
        ...

    def sign_message(self, message: bytes) -> bytes:
        """Sign a whole message with Ed25519. Raises :class:`KeyUnavailableError`."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class ServiceKey:
    """A private key that cannot leave its service."""

    needs_verification = False  # it verifies each of its signatures itself

    def __init__(
        self, service: KeyService, circuit: Circuit, count: Callable[[str], None], sessions: int
    ) -> None:
        self._service = service
        self._circuit = circuit
        self._count = count
        self.public_key = service.public_key
        self.concurrency = sessions
        whole = isinstance(self.public_key, ed25519.Ed25519PublicKey)
        self.max_body = service.max_message if whole else None
        self._digest = digest_name(self.public_key)

    def sign(self, body: bytes) -> bytes:
        """Sign ``body``; the service receives its digest, or for Ed25519 all of it.

        Raises :class:`KeyUnavailableError`, without a call while the circuit is open.
        """
        if self.max_body is not None and len(body) > self.max_body:
            raise KeyUnavailableError(
                f"the service signs at most {self.max_body} octets with an Ed25519 key"
            )
        self._circuit.require_closed()
        try:
            signature = self._sign(body)
            keys.verify(self.public_key, signature, body)
        except KeyUnavailableError as error:
            self._fail("failed", str(error))
            raise
        except InvalidSignature:
            cause = "the service made a signature that does not verify"
            self._fail("invalid", cause)
            raise KeyUnavailableError(cause) from None
        self._circuit.record_success()
        self._count("signed")
        return signature

    def close(self) -> None:
        """Close the connections to the service."""
        self._service.close()

    def _sign(self, body: bytes) -> bytes:
        if self._digest is None:
            return self._service.sign_message(body)
        return self._service.sign_digest(hashlib.new(self._digest, body).digest())

    def _fail(self, outcome: str, cause: str) -> None:
        self._count(outcome)
        self._circuit.record_failure(cause)


def digest_name(key: PublicKey) -> str | None:
    """Return the hash of a key's signatures, None for Ed25519, which signs whole messages.

    Raises :class:`InvalidKeyError` for a curve that issuers do not use here.
    """
    if isinstance(key, rsa.RSAPublicKey):
        return "sha256"
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name in _EC_DIGESTS:
            return _EC_DIGESTS[key.curve.name]
        raise InvalidKeyError(f"keys on the curve {key.curve.name} in a service are not used")
    return None


def describe(service: str, key: str, error: Exception) -> str:
    """Describe a client's error in one bounded line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{service} fails for the key {key}: {text[:MAX_CAUSE_LENGTH]}"
