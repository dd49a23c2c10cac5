"""The ``[runtime]`` table every split service's configuration file has."""

from pathlib import Path
from typing import Literal, Self, TypeVar

from pydantic import Field, model_validator

from newel.runtime.config import Config, load_table, read_secret, validate
from newel.runtime.http.connection_limits import ConnectionLimits
from newel.runtime.tls.mutual import TLSFiles

Model = TypeVar("Model", bound=Config)


class DatabaseConfig(Config):
    """The service's own database."""

    url: str
    """``sqlite:///path`` or ``postgresql://user@host/database?schema=issuing``."""
    password_file: Path | None = None
    """The file with the user's password."""

    def password(self) -> str | None:
        """Read the password, if there is one. Raises ConfigError."""
        return read_secret(self.password_file) if self.password_file else None


class TLSConfig(Config):
    """The certificate a service presents to its peers, as server and as client, and their roots."""

    certificate: Path
    """PEM: the certificate, then its chain."""
    key: Path
    """PEM: its private key."""
    roots: Path
    """PEM: the roots of the other services' certificates."""
    refused: Path | None = None
    """SHA-256 fingerprints of certificates whose holders may call nothing, one a line: that of a service that
    was broken into. The file may be missing, and is read again within a second when it changes."""

    def files(self) -> TLSFiles:
        """Return the same as ``newel.runtime.rpc`` takes it."""
        return TLSFiles(self.certificate, self.key, self.roots, self.refused)


class NATSConfig(Config):
    """The NATS servers that carry events. Over TLS the service presents ``[runtime.tls]``."""

    servers: tuple[str, ...] = Field(min_length=1)
    """The servers' URLs."""
    credentials_file: Path | None = None
    """The file with the NATS credentials."""
    replicas: int = Field(default=1, ge=1, le=5)
    """How many servers keep each event."""


class ChannelConfig(Config):
    """The address of another service."""

    address: str
    """A gRPC target: ``dns:///issuing:9090``."""
    server_name: str | None = None
    """The name in its certificate where that is not the host of the address."""


class ListenConfig(Config):
    """The address of one HTTP listener."""

    address: str
    """Host and port to listen on."""
    certificate: Path | None = None
    """PEM chain, leaf first, where the service does not issue its own."""
    key: Path | None = None
    """PEM: the private key."""
    client_roots: tuple[Path, ...] = ()
    """PEM: the roots of client certificates."""

    @model_validator(mode="after")
    def _check_pair(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        return self


class RuntimeConfig(Config):
    """The process in which a service runs."""

    database: DatabaseConfig | None = None
    """The service's database."""
    tls: TLSConfig | None = None
    """The service's own certificate, for gRPC in both directions and for NATS."""
    nats: NATSConfig | None = None
    """The event bus."""
    grpc: str | None = None
    """``host:port`` of its gRPC services."""
    channels: dict[str, ChannelConfig] = Field(default_factory=dict[str, ChannelConfig])
    """The services it calls, by name."""
    listen: dict[str, ListenConfig] = Field(default_factory=dict[str, ListenConfig])
    """Its HTTP addresses by the names its app uses; ``https`` is TLS, the others are plain."""
    connections: ConnectionLimits = ConnectionLimits()
    """How many connections there may be, and how long they may take."""
    health: str = "127.0.0.1:9100"
    """``host:port`` of /livez, /readyz and /metrics; a further worker n has them n ports higher."""
    audit_file: Path | None = None
    """The file of the audit trail; without it the trail goes to stdout."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severity that is logged."""
    access_log: bool = True
    """Whether every HTTP request is logged."""
    workers: int = Field(default=1, ge=1, le=64)
    """How many processes serve the listeners."""

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        if self.tls is None and (self.grpc or self.channels):
            raise ValueError("grpc and channels need [runtime.tls]: services use mutual TLS only")
        return self


def read_process_config(path: Path, model: type[Model]) -> tuple[RuntimeConfig, Model]:
    """Read a service's file: its ``[runtime]`` table, and the rest as the ``model``. Raises ConfigError."""
    table = load_table(path)
    runtime = validate(RuntimeConfig, table.pop("runtime", {}), f"{path}: runtime")
    return runtime, validate(model, table, str(path))
