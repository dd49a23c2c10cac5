"""ACME servers: which one the flags mean, and what vouches for it."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.operations import connection
from newel.cli.operations.enroll import AcmeDirectory, trusted_beside

if TYPE_CHECKING:
    import ssl

    from newel.cli.options.invocation import Invocation


def of(call: "Invocation") -> AcmeDirectory:
    """The directory of --acme, or of a provisioner of the authority. Raises UsageError."""
    url, name = call.get("acme"), call.get("provisioner") if call.known("provisioner") else None
    if url:
        return AcmeDirectory(url, trusted_beside(call))
    if not name:
        raise UsageError("one of flag --acme or --provisioner is required")
    return AcmeDirectory.of_provisioner(connection.url_of(call), connection.root_pem(call), name)


def tls(directory: AcmeDirectory) -> "ssl.SSLContext":
    """The system's roots and, where there is one, the authority's own."""
    import ssl

    from newel.client.trust import client_tls

    context = client_tls(None)
    if directory.root:
        try:
            context.load_verify_locations(cadata=directory.root)
        except ssl.SSLError:
            raise CliError("error reading root certificate: no certificate in it") from None
    return context
