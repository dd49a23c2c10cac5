"""What a client's TLS trusts: given roots, the system's, or, for one purpose, any server."""

import ssl
from urllib.parse import urlsplit


def base_url(text: str) -> str:
    """Return the authority's address as people write it: https, without path and query.

    Raises ValueError for another scheme or no host.
    """
    full = text if "://" in text else f"https://{text}"
    url = urlsplit(full)
    if url.scheme != "https":
        raise ValueError(f"'{text}' must have https scheme")
    try:
        port = url.port
    except ValueError as error:
        raise ValueError(f"'{text}' is not a URL: {error}") from None
    if not url.hostname or any(letter.isspace() for letter in url.hostname):
        raise ValueError(f"'{text}' names no host")
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    return f"https://{host}:{port}" if port else f"https://{host}"


def client_tls(roots: str | None) -> ssl.SSLContext:
    """Return a client context that trusts these PEM roots, or the system's if none are given.

    It is not made by create_default_context, which writes the secrets of the connection to the file
    of SSLKEYLOGFILE and fails where that cannot be written.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if roots:
        context.load_verify_locations(cadata=roots)
    else:
        context.load_default_certs()
    return context


def unverified_tls() -> ssl.SSLContext:
    """Return a context that verifies nothing: only for fetching a root by its fingerprint."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
