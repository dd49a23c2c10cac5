"""Keys in Google Cloud KMS, by its official client.

A key version there has one algorithm. ECDSA and RSA versions sign a digest, Ed25519 the message itself.
"""

import itertools
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from google.api_core import client_options, exceptions, retry
from google.auth import exceptions as auth_exceptions
from google.cloud import kms_v1
from google.oauth2 import service_account

from newel.crypto import keys, pem
from newel.crypto.keys import InvalidKeyError, PublicKey
from newel.runtime.config import ConfigError
from newel.signer.keys import KeyUnavailableError
from newel.signer.keystore.services.key import describe, digest_name
from newel.signer.stores import GoogleKMSStore

MAX_MESSAGE = 64 * 1024
"""Octets of a message that the service signs."""

_NAME = "Google Cloud KMS"
_ERRORS = (exceptions.GoogleAPIError, auth_exceptions.GoogleAuthError)
_TIMEOUT = 3.0
_ATTEMPTS = 3
_TRANSIENT = (
    exceptions.ServiceUnavailable,
    exceptions.DeadlineExceeded,
    exceptions.ResourceExhausted,
    exceptions.InternalServerError,
)


class GoogleKey:
    """One key version of Google Cloud KMS."""

    max_message = MAX_MESSAGE

    def __init__(self, client: Any, store: GoogleKMSStore) -> None:
        self._client = client
        self._name = store.key
        answer = self._call(client.get_public_key, {"name": store.key})
        self.public_key = keys.load_public_key(pem.decode_all(answer.pem.encode(), "PUBLIC KEY")[0])
        algorithm = kms_v1.CryptoKeyVersion.CryptoKeyVersionAlgorithm(answer.algorithm).name
        if algorithm not in _algorithms(self.public_key):
            raise InvalidKeyError(
                f"{_NAME}: the key {store.key} signs by {algorithm}, not used here"
            )
        self._digest_name = digest_name(self.public_key)

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign the digest of a statement. Raises :class:`KeyUnavailableError`."""
        return self._sign({"digest": {self._digest_name: digest}})

    def sign_message(self, message: bytes) -> bytes:
        """Sign a whole message with Ed25519. Raises :class:`KeyUnavailableError`."""
        return self._sign({"data": message})

    def close(self) -> None:
        """Close the connection."""
        self._client.transport.close()

    def _sign(self, what: dict[str, Any]) -> bytes:
        return self._call(self._client.asymmetric_sign, {"name": self._name, **what}).signature

    def _call(self, operation: Any, request: dict[str, Any]) -> Any:
        try:
            return operation(request=request, retry=_make_retry(), timeout=_TIMEOUT)
        except _ERRORS as error:
            raise KeyUnavailableError(describe(_NAME, self._name, error)) from None


def open_google_key(store: GoogleKMSStore) -> GoogleKey:
    """Open a key of Google Cloud KMS.

    Raises :class:`KeyUnavailableError`, :class:`InvalidKeyError`, and
    :class:`newel.runtime.config.ConfigError` for credentials that are missing or cannot be read.
    """
    options = client_options.ClientOptions(api_endpoint=store.endpoint)
    try:
        credentials: Any = None
        if store.credentials_file:
            kind: Any = service_account.Credentials
            credentials = kind.from_service_account_file(str(store.credentials_file))
        client: Any = kms_v1.KeyManagementServiceClient(
            credentials=credentials, client_options=options
        )
    except (auth_exceptions.GoogleAuthError, OSError, ValueError) as error:
        raise ConfigError(f"{_NAME}: {error}") from None
    return GoogleKey(client, store)


def _make_retry() -> Any:
    """Make the retries of one call, which are bounded in number and end within a caller's ten seconds."""
    attempts = itertools.count(1)

    def is_repeatable(error: BaseException) -> bool:
        return isinstance(error, _TRANSIENT) and next(attempts) < _ATTEMPTS

    return retry.Retry(predicate=is_repeatable, initial=0.1, maximum=1.0, timeout=8.0)


def _algorithms(key: PublicKey) -> tuple[str, ...]:
    """Return the algorithms of key versions whose signatures are those of X.509 with this key."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return ("EC_SIGN_ED25519",)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return ("EC_SIGN_P384_SHA384",) if key.key_size == 384 else ("EC_SIGN_P256_SHA256",)
    return (f"RSA_SIGN_PKCS1_{key.key_size}_SHA256",)
