"""Where a private key is: an encrypted file, a PKCS #11 token, or a key service of a cloud.

In TOML a store is a table with a ``kind``, or for tokens and key services a URI as the step programs write it:
``awskms:key-id=alias/ca;region=eu-central-1``.
"""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from newel.runtime.config import Config as Settings
from newel.signer.key_uris import read_store

_HTTPS_URL = r"^https?://[A-Za-z0-9.:\[\]-]+/?$"
_Sessions = Annotated[int, Field(ge=1, le=256)]


def _octets(value: object) -> object:
    return bytes.fromhex(value) if isinstance(value, str) else value


class FileStore(Settings):
    """A private key in a PEM file, encrypted."""

    kind: Literal["file"]
    """A PEM file."""
    path: Path
    """The file: encrypted PKCS #8, or the RFC 1423 PEM of the step tools."""
    password_file: Path | None = None
    """The file with the key's password."""
    password_credential: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.@-]{0,254}$"
    )
    """The name of the systemd credential that is the password (``LoadCredentialEncrypted=``)."""
    password_command: tuple[str, ...] = Field(default=(), max_length=64)
    """A program and its arguments; what it prints is the password. No shell reads them."""

    @model_validator(mode="after")
    def _check_password(self) -> "FileStore":
        given = (self.password_file, self.password_credential, self.password_command)
        if sum(map(bool, given)) > 1:
            raise ValueError(
                "a key has one password: password_file, password_credential or password_command"
            )
        return self

    @property
    def has_password(self) -> bool:
        """Whether the key is encrypted under a password."""
        return bool(self.password_file or self.password_credential or self.password_command)

    @property
    def location(self) -> str:
        """Where the key is, for people."""
        return f"file {self.path}"


class PKCS11Store(Settings):
    """A private key in a PKCS #11 token."""

    kind: Literal["pkcs11"]
    """A PKCS #11 token."""
    module: Path
    """The library of the token's manufacturer."""
    token: str
    """The token's label."""
    pin_file: Path | None = None
    """The file with the token's user PIN."""
    pin: SecretStr | None = None
    """The PIN itself, where a URI of the step programs has it; a file is safer."""
    label: str | None = None
    """The label of the key on the token; a key needs a label or an id."""
    id: Annotated[bytes | None, BeforeValidator(_octets)] = None
    """CKA_ID in hex. Where label and id are both given, both must match."""
    sessions: _Sessions = 4
    """The number of concurrent signatures."""

    @model_validator(mode="after")
    def _check_name(self) -> "PKCS11Store":
        if self.label is None and self.id is None:
            raise ValueError("a token's key needs a label or an id")
        if (self.pin_file is None) == (self.pin is None):
            raise ValueError(
                "a token has one PIN: in pin_file, or in a URI by pin-source or pin-value"
            )
        return self

    @property
    def pin_source(self) -> Path | SecretStr:
        """The PIN, or the file that it is read from when it is needed."""
        return self.pin or self.pin_file or Path()

    @property
    def location(self) -> str:
        """Where the key is, for people."""
        name = f"label {self.label}" if self.label else f"id {(self.id or b'').hex()}"
        return f"token {self.token}, {name}"


class AWSKMSStore(Settings):
    """A private key in AWS KMS. Credentials are those of the AWS tools, unless a file is named."""

    kind: Literal["awskms"]
    """AWS KMS."""
    key_id: str = Field(min_length=1, max_length=2048)
    """The key's id, ARN or alias (``alias/NAME``)."""
    region: str | None = None
    """The region; by default that of the ARN, of the profile or of ``AWS_REGION``."""
    profile: str | None = None
    """The profile in the credentials file."""
    credentials_file: Path | None = None
    """A shared credentials file; by default ``~/.aws/credentials``, the environment or the machine's role."""
    endpoint: str | None = Field(default=None, pattern=_HTTPS_URL)
    """The URL of the service, where it is not the region's own: a VPC endpoint."""
    sessions: _Sessions = 8
    """The number of concurrent signatures."""

    @property
    def location(self) -> str:
        """Where the key is, for people."""
        return f"AWS KMS, key {self.key_id}"


class GoogleKMSStore(Settings):
    """A private key in Google Cloud KMS. Credentials are the application default, unless a file is named."""

    kind: Literal["cloudkms"]
    """Google Cloud KMS."""
    key: str = Field(
        pattern=r"^projects/[^/;?]+/locations/[^/;?]+/keyRings/[^/;?]+/cryptoKeys/[^/;?]+/cryptoKeyVersions/[0-9]+$"
    )
    """The resource name of a key's version:
    ``projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/1``."""
    credentials_file: Path | None = None
    """A service account's key file, JSON."""
    endpoint: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.-]+(:[0-9]+)?$")
    """The host of the service, where it is not ``cloudkms.googleapis.com``: a regional or private endpoint."""
    sessions: _Sessions = 8
    """The number of concurrent signatures."""

    @property
    def location(self) -> str:
        """Where the key is, for people."""
        return f"Google Cloud KMS, {self.key}"


class AzureKeyVaultStore(Settings):
    """A private key in Azure Key Vault. Credentials are those of the environment or the machine's identity."""

    kind: Literal["azurekms"]
    """Azure Key Vault."""
    vault: str = Field(pattern=r"^[A-Za-z0-9-]{3,24}$")
    """The vault's name."""
    name: str = Field(pattern=r"^[A-Za-z0-9-]{1,127}$")
    """The key's name."""
    version: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")
    """The key's version; by default the latest when the signer starts, which is then kept."""
    environment: Literal["public", "usgov", "china"] = "public"
    """The cloud that the vault is in."""
    hsm: bool = False
    """Whether the key must be in a hardware module (EC-HSM, RSA-HSM)."""
    sessions: _Sessions = 8
    """The number of concurrent signatures."""

    @property
    def location(self) -> str:
        """Where the key is, for people."""
        return f"Azure Key Vault {self.vault}, key {self.name}"


ServiceStore: TypeAlias = AWSKMSStore | GoogleKMSStore | AzureKeyVaultStore
"""A key in a key service, where keys are made and removed by its own tools."""

AnyStore: TypeAlias = FileStore | PKCS11Store | ServiceStore

Store = Annotated[AnyStore, Field(discriminator="kind"), BeforeValidator(read_store)]
"""A store as a setting: a table, or the URI of a token or a key service."""
