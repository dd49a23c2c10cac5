"""The certificates a TLS server shows."""

import socket
import ssl
from urllib.parse import urlsplit

from newel.cli.errors import CliError
from newel.cli.operations.certificates.sources import PORTS
from newel.cli.operations.network_errors import explain

SECONDS = 10.0


def peer_certificates(
    url: str, servername: str | None, roots: str | None, *, insecure: bool
) -> list[bytes]:
    """Return the server's certificates in DER, its own first.

    It must chain to ``roots`` (the system's unless given) and be for the name asked for, unless
    ``insecure``. Raises CliError.
    """
    host, port = address(url)
    context = client_context(roots, insecure=insecure)
    try:
        with (
            socket.create_connection((host, port), timeout=SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=servername or host) as secured,
        ):
            return chain(secured)
    except ssl.SSLCertVerificationError as error:
        raise CliError(
            f"failed to connect: tls: failed to verify certificate: {error.verify_message}"
        ) from None
    except (OSError, ValueError) as error:
        raise CliError(f"failed to connect: dial tcp {host}:{port}: {explain(error)}") from None


def address(url: str) -> tuple[str, int]:
    """Host and port of a URL, the port of its scheme when it has none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise CliError(f"error parsing URL '{url}': {error}") from None
    if not host or any(letter.isspace() for letter in parts.netloc):
        raise CliError(f"error parsing URL '{url}': it names no host")
    return host, port or PORTS[parts.scheme.lower()]


def client_context(roots: str | None, *, insecure: bool) -> ssl.SSLContext:
    """TLS 1.2 or newer, trusting what the flags say."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif roots:
        from newel.cli.operations.certificates.root_files import root_certificates

        ders = root_certificates(roots)
        context.load_verify_locations(cadata=b"".join(ders))
    else:
        context.load_default_certs()
    return context


def chain(secured: ssl.SSLSocket) -> list[bytes]:
    """Return what the server sent; before Python 3.13 the public call gives only its own certificate."""
    whole = getattr(secured, "get_unverified_chain", None)
    if whole is not None:
        return [bytes(one) for one in whole()]
    inner = getattr(secured, "_sslobj", None)
    found = inner.get_unverified_chain() if inner is not None else None
    if found:
        return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in found]
    own = secured.getpeercert(binary_form=True)
    if own is None:
        raise CliError("failed to connect: the server showed no certificate")
    return [own]
