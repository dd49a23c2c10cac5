"""What a client's TLS trusts: given roots, the system's, or, for one purpose, anybody."""

import ssl
from urllib.parse import urlsplit


def base_url(text: str) -> str:
    """The authority's address as people write it: https, without path and query.

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


def trusting(roots: str | None) -> ssl.SSLContext:
    """A client's TLS that trusts these PEM roots, or the system's when there are none given.

    Not by create_default_context, which opens the file of SSLKEYLOGFILE and so fails where that cannot be
    written, and otherwise writes there what decrypts the connection.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if roots:
        context.load_verify_locations(cadata=roots)
    else:
        context.load_default_certs()
    return context


def unverified() -> ssl.SSLContext:
    """TLS that trusts anybody: for fetching a root by its fingerprint, and for nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
