"""TLS for a service that connects to something outside of this one."""

import ssl
from pathlib import Path


def trust_file(roots: str | Path | None) -> ssl.SSLContext:
    """Make TLS that trusts the certificates of a file, or the system's without one. Raise OSError.

    Not by create_default_context: that writes to the file of SSLKEYLOGFILE what decrypts the connection.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if roots:
        context.load_verify_locations(cafile=str(roots))
    else:
        context.load_default_certs()
    return context
