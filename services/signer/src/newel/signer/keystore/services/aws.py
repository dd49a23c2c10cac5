"""Keys in AWS KMS, by its official client.

ECDSA and RSA keys sign a digest (``MessageType`` DIGEST), because KMS takes at most 4,096 octets of a
message and a revocation list is longer. Ed25519 needs the message itself (RAW).
"""

from typing import Any

import boto3
import botocore.config
import botocore.exceptions
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from newel.crypto import keys
from newel.crypto.keys import InvalidKeyError
from newel.runtime.config import ConfigError
from newel.signer.keys import KeyUnavailableError
from newel.signer.keystore.services.key import describe
from newel.signer.stores import AWSKMSStore

MAX_MESSAGE = 4096
"""Octets of a message that KMS signs."""

_NAME = "AWS KMS"
_ERRORS = (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError)


class AWSKey:
    """One key of AWS KMS."""

    max_message = MAX_MESSAGE

    def __init__(self, client: Any, store: AWSKMSStore) -> None:
        self._client = client
        self._name = store.key_id
        answer = self._call(client.get_public_key, KeyId=store.key_id)
        if answer.get("KeyUsage") != "SIGN_VERIFY":
            raise InvalidKeyError(f"{_NAME}: the key {store.key_id} is not one that signs")
        self.public_key = keys.load_public_key(answer["PublicKey"])
        self._key_id = answer["KeyId"]  # an alias may lead to another key later
        self._algorithm = _algorithm(self.public_key)
        if self._algorithm not in answer.get("SigningAlgorithms", ()):
            raise InvalidKeyError(
                f"{_NAME}: the key {store.key_id} does not sign with {self._algorithm}"
            )

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign the digest of a statement. Raises :class:`KeyUnavailableError`."""
        return self._sign(digest, "DIGEST")

    def sign_message(self, message: bytes) -> bytes:
        """Sign a whole message with Ed25519. Raises :class:`KeyUnavailableError`."""
        return self._sign(message, "RAW")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _sign(self, message: bytes, kind: str) -> bytes:
        answer = self._call(
            self._client.sign,
            KeyId=self._key_id,
            Message=message,
            MessageType=kind,
            SigningAlgorithm=self._algorithm,
        )
        return answer["Signature"]

    def _call(self, operation: Any, **arguments: Any) -> dict[str, Any]:
        try:
            return operation(**arguments)
        except _ERRORS as error:
            raise KeyUnavailableError(describe(_NAME, self._name, error)) from None


def open_aws_key(store: AWSKMSStore) -> AWSKey:
    """Open a key of AWS KMS.

    Raises :class:`KeyUnavailableError`, :class:`InvalidKeyError`, and
    :class:`newel.runtime.config.ConfigError` for settings without a region or with an unknown profile.
    """
    try:
        session = _make_session(store)
        client: Any = session.client(
            "kms", endpoint_url=store.endpoint, config=_client_config(store.sessions)
        )
    except botocore.exceptions.BotoCoreError as error:
        raise ConfigError(f"{_NAME}: {error}") from None
    return AWSKey(client, store)


def _client_config(sessions: int) -> Any:
    """Bound connections, attempts and times: all attempts end within a caller's ten seconds."""
    return botocore.config.Config(
        connect_timeout=1,
        read_timeout=2,
        max_pool_connections=sessions,
        retries={"mode": "standard", "total_max_attempts": 3},
    )


def _make_session(store: AWSKMSStore) -> Any:
    """Make a session, from the named credentials file if there is one."""
    import botocore.session

    base: Any = botocore.session.Session(profile=store.profile)
    if store.credentials_file:
        if not store.credentials_file.is_file():
            raise ConfigError(f"{store.credentials_file}: no such file")
        base.set_config_variable("credentials_file", str(store.credentials_file))
    region = store.region or _region_of_arn(store.key_id)
    session: Any = boto3.Session(botocore_session=base, region_name=region)
    return session


def _region_of_arn(key_id: str) -> str | None:
    """Return the region in ``arn:aws:kms:REGION:ACCOUNT:key/ID``, None for other names."""
    parts = key_id.split(":")
    return parts[3] if parts[0] == "arn" and len(parts) == 6 else None


def _algorithm(key: object) -> str:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ED25519_SHA_512"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "ECDSA_SHA_384" if key.key_size == 384 else "ECDSA_SHA_256"
    return "RSASSA_PKCS1_V1_5_SHA_256"
