"""Opening, making and removing the keys of a configuration."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from newel.crypto.keys import KeyKind
from newel.runtime.clock import Clock, SystemClock
from newel.runtime.config import ConfigError
from newel.signer.keys import SigningKey
from newel.signer.keystore.file import open_file_key
from newel.signer.metrics import Metrics
from newel.signer.stores import (
    AnyStore,
    AWSKMSStore,
    FileStore,
    GoogleKMSStore,
    PKCS11Store,
    ServiceStore,
)

if TYPE_CHECKING:
    from newel.signer.keystore.pkcs11.key import KeyReference
    from newel.signer.keystore.pkcs11.token import Token
    from newel.signer.keystore.services.key import KeyService

_CLIENTS = {
    "pkcs11": "pkcs11",
    "boto3": "aws",
    "botocore": "aws",
    "azure": "azure",
    "google": "google",
}
"""The packages of the clients, and the extra of the signer that installs them."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """What a key reports to while it is used: by its name, on metrics."""

    name: str
    clock: Clock
    metrics: Metrics | None = None

    def count(self, outcome: str) -> None:
        """Count a signature that was asked of a key service."""
        if self.metrics:
            self.metrics.count_service_call(self.name, outcome)

    def set_circuit_open(self, is_open: bool) -> None:
        """Record whether the circuit of the key's service is open."""
        if self.metrics:
            self.metrics.set_circuit_open(self.name, is_open)


def open_key(store: AnyStore, monitor: Monitor | None = None) -> SigningKey:
    """Open the key of a configuration.

    Raises ``OSError``, :class:`newel.crypto.keys.InvalidKeyError`,
    :class:`newel.runtime.config.ConfigError` and
    :class:`newel.signer.keys.KeyUnavailableError`.
    """
    if isinstance(store, FileStore):
        return open_file_key(store)
    if not isinstance(store, PKCS11Store):
        return _open_service_key(store, monitor or Monitor("", SystemClock()))
    location = _locate(store)
    from newel.signer.keystore.pkcs11.key import TokenKey

    return TokenKey(*location)


def make_token_key(store: PKCS11Store, kind: KeyKind) -> SigningKey:
    """Make a key in the token, from where it cannot be exported.

    Raises :class:`newel.signer.keys.KeyExistsError` and ``KeyUnavailableError``.
    """
    location = _locate(store)
    from newel.signer.keystore.pkcs11.generate import generate

    return generate(*location, kind)


def token_key_exists(store: PKCS11Store) -> bool:
    """Say whether the token holds a key of that label and id. Raises ``KeyUnavailableError``."""
    token, reference = _locate(store)
    from newel.signer.keystore.pkcs11.generate import exists

    return token.use(lambda opened: exists(opened, reference))


def remove_token_key(store: PKCS11Store) -> None:
    """Destroy a key pair in the token, which undoes :func:`make_token_key`."""
    location = _locate(store)
    from newel.signer.keystore.pkcs11.generate import remove

    remove(*location)


def _locate(store: PKCS11Store) -> "tuple[Token, KeyReference]":
    """Return the token and the name of the key in it. Raises ConfigError without the extra."""
    # The PKCS #11 binding is slow to load: it is loaded only for tokens.
    try:
        from newel.signer.keystore.pkcs11.key import KeyReference
        from newel.signer.keystore.pkcs11.token import open_token
    except ModuleNotFoundError as error:
        raise _explain_missing(error, store) from None

    token = open_token(store.module, store.token, store.pin_source, store.sessions)
    return token, KeyReference(store.label, store.id)


def _open_service_key(store: ServiceStore, monitor: Monitor) -> SigningKey:
    try:
        service = _open_service(store)
    except ModuleNotFoundError as error:
        raise _explain_missing(error, store) from None
    from newel.signer.keystore.services.circuit import Circuit
    from newel.signer.keystore.services.key import ServiceKey

    circuit = Circuit(monitor.clock, monitor.set_circuit_open)
    return ServiceKey(service, circuit, monitor.count, store.sessions)


def _open_service(store: ServiceStore) -> "KeyService":
    # The clients are slow to load: only the one that is used is.
    if isinstance(store, AWSKMSStore):
        from newel.signer.keystore.services.aws import open_aws_key

        return open_aws_key(store)
    if isinstance(store, GoogleKMSStore):
        from newel.signer.keystore.services.google import open_google_key

        return open_google_key(store)
    from newel.signer.keystore.services.azure import open_azure_key

    return open_azure_key(store)


def _explain_missing(error: ModuleNotFoundError, store: AnyStore) -> Exception:
    """Return what to say about a client that is not installed; another missing module is a defect."""
    extra = _CLIENTS.get((error.name or "").split(".")[0])
    if extra is None:
        return error
    return ConfigError(f"{store.location}: this needs the package newel-signer[{extra}]")
