"""tls-alpn-01 (RFC 8737, RFC 8738 §6): a certificate presented for the protocol acme-tls/1."""

import asyncio
import ssl

from newel.acme import alpn
from newel.acme.identifiers import Identifier
from newel.acme.problems import ACMEError
from newel.registration.challenges.validation import Validation
from newel.runtime.egress import (
    EgressPolicy,
    EgressRefusedError,
    ResolutionError,
    describe_failure,
    show_endpoint,
)
from newel.runtime.errors import ErrorType, NewelError


class TLSALPN01Validator:
    """Connects to port 443 (or ``port``) with TLS 1.2 or later and checks the certificate."""

    def __init__(self, policy: EgressPolicy, port: int = 443, seconds: float = 10.0) -> None:
        self._policy = policy
        self._port = port
        self._seconds = seconds
        self._context: ssl.SSLContext | None = None

    async def __call__(self, validation: Validation) -> bytes:
        """Validate one challenge. Raises ``connection``, ``dns``, ``tls`` or ``unauthorized``."""
        identifier = validation.identifier
        try:
            async with asyncio.timeout(self._seconds):
                addresses = await self._policy.resolve(identifier.value)
                der, endpoint = await self._read_certificate(addresses, identifier)
        except EgressRefusedError as error:
            raise NewelError(ErrorType.UNAUTHORIZED, f"tls-alpn-01: {error}") from error
        except ResolutionError as error:
            raise NewelError(ErrorType.DNS, f"tls-alpn-01: {error}") from error
        except TimeoutError:
            raise NewelError(
                ErrorType.CONNECTION,
                f"tls-alpn-01: no handshake with {identifier.value} port {self._port} in"
                f" {self._seconds:g} s",
            ) from None
        try:
            alpn.check_certificate(der, identifier, validation.authorization)
        except ACMEError as error:
            raise NewelError(
                ErrorType.UNAUTHORIZED, f"tls-alpn-01: {endpoint}: {error.detail}"
            ) from error
        return b""

    async def _read_certificate(
        self, addresses: list[str], identifier: Identifier
    ) -> tuple[bytes, str]:
        """Return the certificate of the first reachable address, and where that is."""
        failures: list[str] = []
        for address in addresses:
            endpoint = show_endpoint(address, self._port)
            try:
                _, writer = await asyncio.open_connection(
                    address,
                    self._port,
                    ssl=self._tls(),
                    server_hostname=alpn.server_name(identifier),
                )
            except ssl.SSLError as error:
                raise NewelError(
                    ErrorType.TLS,
                    f"tls-alpn-01: the handshake with {endpoint} for {identifier.value} failed:"
                    f" {describe_failure(error)}",
                ) from error
            except OSError as error:
                failures.append(f"{endpoint}: {describe_failure(error)}")
                continue
            try:
                return _certificate(writer, endpoint), endpoint
            finally:
                writer.transport.abort()
        raise NewelError(
            ErrorType.CONNECTION,
            f"tls-alpn-01: connecting to {identifier.value} port {self._port} failed:"
            f" {', '.join(failures)}",
        )

    def _tls(self) -> ssl.SSLContext:
        """Make a context without verification: the challenge checks the certificate itself."""
        if self._context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.set_alpn_protocols([alpn.PROTOCOL])
            self._context = context
        return self._context


def _certificate(writer: asyncio.StreamWriter, endpoint: str) -> bytes:
    tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
    if tls.selected_alpn_protocol() != alpn.PROTOCOL:
        raise NewelError(
            ErrorType.UNAUTHORIZED,
            f"tls-alpn-01: {endpoint} did not negotiate acme-tls/1: what listens there does not answer"
            " the challenge",
        )
    der = tls.getpeercert(binary_form=True)
    if not der:
        raise NewelError(ErrorType.TLS, f"tls-alpn-01: {endpoint} showed no certificate")
    return der
