"""The files by which a service authenticates to its peers, read again when they change."""

from dataclasses import dataclass
from pathlib import Path

import grpc


@dataclass(frozen=True, slots=True)
class TLSFiles:
    """PEM files: a service's certificate chain, its key, and the roots of its peers' certificates."""

    certificate: Path
    key: Path
    roots: Path
    refused: Path | None = None
    """The fingerprints of peers' certificates that are refused (``newel.runtime.rpc.refused_peers``)."""

    def stamp(self) -> tuple[int, ...]:
        """Return numbers that change whenever one of the files does. Raises OSError when one is missing."""
        return tuple(
            number
            for path in (self.certificate, self.key, self.roots)
            for number in (path.stat().st_mtime_ns, path.stat().st_ino)
        )

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """Read the credentials of a caller."""
        return grpc.ssl_channel_credentials(
            self.roots.read_bytes(), self.key.read_bytes(), self.certificate.read_bytes()
        )

    def server_credentials(self) -> grpc.ServerCredentials:
        """Read the credentials of a server: peers need a certificate, and each connection checks the files."""
        seen = self.stamp()

        def read_changes() -> grpc.ServerCertificateConfiguration | None:
            nonlocal seen
            try:
                now = self.stamp()
                if now == seen:
                    return None  # gRPC keeps what it has
                configuration = self._server_configuration()
            except OSError:
                return None  # files being replaced: the next connection looks again
            seen = now
            return configuration

        return grpc.dynamic_ssl_server_credentials(
            self._server_configuration(),
            read_changes,  # pyright: ignore[reportArgumentType] - the stubs do not know of None
            require_client_authentication=True,
        )

    def _server_configuration(self) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(self.key.read_bytes(), self.certificate.read_bytes())], self.roots.read_bytes()
        )
