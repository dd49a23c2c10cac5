"""The certificates that a word names: those of a file, of stdin or of a TLS server."""

from newel.cli.operations.certificates import sources
from newel.crypto.reader import certificates as reader


def read_certificates(
    name: str, *, roots: str | None, servername: str | None = None, insecure: bool = False
) -> list[reader.Certificate]:
    """Return the certificates of a file, of stdin ("-") or of the server a URL names; at least one.

    ``roots`` names what a server's certificates must chain to, ``servername`` the host to ask it for;
    ``insecure`` takes them unverified.
    """
    if sources.is_url(name):
        from newel.cli.operations.certificates.remote import peer_certificates

        ders = peer_certificates(name, servername, roots, insecure=insecure)
        return [sources.parse(one, name) for one in ders]
    return sources.from_file(name)
