"""The keys that sign: in a file, or in a key management service."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.keys import kms
from newel.cli.operations.keys.key_files import from_pem, private_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

    from newel.crypto.keys import PrivateKey


def signing_key(
    name: str, password_file: str | None = None, service: str | None = None
) -> "PrivateKey":
    """Return the key that signs: in a service where ``service`` or its own name says so, else in a file."""
    if not service and not kms.is_uri(name):
        return private_key(name, password_file)
    from newel.crypto.keys import PrivateKey
    from newel.crypto.remote_keys import remote_key

    public = from_pem(kms.run_plugin("key", service, name), "the key")
    if isinstance(public, PrivateKey):
        raise CliError(f"step-kms-plugin answered with a private key for {kms.redact(name)}")

    def sign(
        data: bytes, digest: "HashAlgorithm | None", padding: "AsymmetricPadding | None"
    ) -> bytes:
        return kms.signature(service, name, data, digest, padding)

    return remote_key(public, sign)
