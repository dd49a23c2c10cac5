"""ACME servers: which one the flags mean, and what vouches for it."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.operations import connection
from newel.cli.operations.enroll import AcmeDirectory, extra_roots

if TYPE_CHECKING:
    import ssl

    from newel.cli.operations.connection import AuthorityOptions


def find(
    url: str | None, authority: "AuthorityOptions", provisioner: str | None = None
) -> AcmeDirectory:
    """Return the directory at ``url``, else that of a provisioner of the authority. Raises UsageError."""
    if url:
        return AcmeDirectory(url, extra_roots(authority))
    if not provisioner:
        raise UsageError("one of flag --acme or --provisioner is required")
    return AcmeDirectory.of_provisioner(
        connection.url_of(authority), connection.root_pem(authority), provisioner
    )


def tls(directory: AcmeDirectory) -> "ssl.SSLContext":
    """Return the system's roots and, where there is one, the authority's own."""
    import ssl

    from newel.client.trust import client_tls

    context = client_tls(None)
    if directory.root:
        try:
            context.load_verify_locations(cadata=directory.root)
        except ssl.SSLError:
            raise CliError("error reading root certificate: no certificate in it") from None
    return context
