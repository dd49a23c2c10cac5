"""Keys in Azure Key Vault, by its official client. Keys there are ECDSA or RSA, and sign a digest."""

from typing import Any

from azure.core import exceptions
from azure.identity import DefaultAzureCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import SignatureAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from newel.crypto.keys import InvalidKeyError, PublicKey
from newel.signer.keys import KeyUnavailableError
from newel.signer.keystore.services.key import describe
from newel.signer.stores import AzureKeyVaultStore

_NAME = "Azure Key Vault"
_SUFFIXES = {
    "public": "vault.azure.net",
    "usgov": "vault.usgovcloudapi.net",
    "china": "vault.azure.cn",
}
_AUTHORITIES = {
    "public": "login.microsoftonline.com",
    "usgov": "login.microsoftonline.us",
    "china": "login.chinacloudapi.cn",
}
_REPEATABLE = ("GET", "POST")
"""A signature may be asked for again, which the client does not know of a POST."""
_CURVES: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}


class AzureKey:
    """One version of a key in Azure Key Vault."""

    max_message = 0

    def __init__(self, client: Any, store: AzureKeyVaultStore) -> None:
        self._client = client
        self._name = f"{store.vault}/{store.name}"
        found = self._call(client.get_key, store.name, version=store.version)
        kind = str(getattr(found.key_type, "value", found.key_type))
        if found.properties.exportable:
            raise InvalidKeyError(f"{_NAME}: the key {self._name} can be exported")
        if store.hsm and not kind.endswith("-HSM"):
            raise InvalidKeyError(f"{_NAME}: the key {self._name} is not in a hardware module")
        if "sign" not in map(str, found.key_operations or ()):
            raise InvalidKeyError(f"{_NAME}: the key {self._name} may not sign")
        self.public_key = _load(self._name, found.key)
        self._algorithm = _algorithm(self.public_key)
        # the version found now: a rotated key is not the certificate's
        self._crypto: Any = client.get_cryptography_client(
            store.name, key_version=found.properties.version
        )

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign the digest of a statement. Raises :class:`KeyUnavailableError`."""
        raw = self._call(
            self._crypto.sign, self._algorithm, digest, retry_on_methods=_REPEATABLE
        ).signature
        if isinstance(self.public_key, rsa.RSAPublicKey):
            return raw
        half = len(raw) // 2  # r and s joined (RFC 7518 §3.4)
        return encode_dss_signature(
            int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
        )

    def sign_message(self, message: bytes) -> bytes:
        """Raise :class:`KeyUnavailableError`: no key of Key Vault signs whole messages."""
        raise KeyUnavailableError(f"{_NAME} signs no whole messages ({len(message)} octets)")

    def close(self) -> None:
        """Close the connections."""
        self._crypto.close()
        self._client.close()

    def _call(self, operation: Any, *arguments: Any, **named: Any) -> Any:
        try:
            return operation(*arguments, **named)
        except exceptions.AzureError as error:
            raise KeyUnavailableError(describe(_NAME, self._name, error)) from None


def open_azure_key(store: AzureKeyVaultStore) -> AzureKey:
    """Open a key of Azure Key Vault. Raises :class:`KeyUnavailableError`, :class:`InvalidKeyError`."""
    credential: Any = DefaultAzureCredential(authority=_AUTHORITIES[store.environment])
    # all attempts end within a caller's ten seconds
    client: Any = KeyClient(
        f"https://{store.vault}.{_SUFFIXES[store.environment]}",
        credential,
        connection_timeout=2,
        read_timeout=3,
        retry_total=2,
        retry_backoff_factor=0.2,
        retry_backoff_max=1,
        timeout=8,
    )
    return AzureKey(client, store)


def _algorithm(key: PublicKey) -> Any:
    if isinstance(key, ec.EllipticCurvePublicKey):
        return SignatureAlgorithm.es384 if key.key_size == 384 else SignatureAlgorithm.es256
    return SignatureAlgorithm.rs256


def _load(name: str, key: Any) -> PublicKey:
    """Load the public half of a JSON Web Key. Raises :class:`InvalidKeyError`."""
    try:
        if key.n is not None:
            numbers = rsa.RSAPublicNumbers(
                int.from_bytes(key.e, "big"), int.from_bytes(key.n, "big")
            )
            return numbers.public_key()
        curve = _CURVES[str(getattr(key.crv, "value", key.crv))]
        x, y = int.from_bytes(key.x, "big"), int.from_bytes(key.y, "big")
        return ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
    except (KeyError, TypeError, ValueError):
        raise InvalidKeyError(
            f"{_NAME}: the key {name} is not on P-256 or P-384, and not RSA"
        ) from None
