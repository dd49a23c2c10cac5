"""Renewal of a host certificate, which its own key asks for (SSHPOP)."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations import connection
from newel.cli.operations.ssh.certificates import Certificate, read_certificate
from newel.cli.operations.ssh.issuance import Ticket
from newel.cli.operations.tokens import token_requests
from newel.cli.options.groups import authority_options, token_options
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.options.invocation import Invocation
    from newel.client.ssh_calls import IssuedSSHCertificate


def certificate_of(name: str) -> Certificate:
    """Return the certificate of a file. Raises CliError that names the file."""
    data = read(name)
    try:
        return read_certificate(data)
    except CliError as error:
        raise CliError(f"error parsing ssh public key from {name}: {error}") from None


def renew(
    call: "Invocation", certificate_file: str, key_file: str, new_key: bytes = b""
) -> "IssuedSSHCertificate":
    """Return the successor of a host's certificate, for its own key or for ``new_key``. Raises CliError."""
    if call.on("offline"):
        from newel.cli.operations.offline import ssh_certificates

        return ssh_certificates.renew(call, certificate_file, key_file, new_key)
    from newel.client import ssh_calls

    place = ticket(call, "ssh/rekey" if new_key else "ssh/renew", certificate_file, key_file)
    request = ssh_calls.rekey(place.token, new_key) if new_key else ssh_calls.renew(place.token)
    with connection.connect(authority_options(call), url=place.url, root=place.root) as authority:
        return authority.send(request)


def ticket(call: "Invocation", path: str, certificate_file: str, key_file: str) -> Ticket:
    """Return a token for this method, signed by the certificate's key. Raises CliError."""
    serial = str(certificate_of(certificate_file).serial)
    call.supply("sshpop-cert", certificate_file)
    call.supply("sshpop-key", key_file)
    token = token_requests.issue(token_options(call), path, serial, kinds=("SSHPOP",))
    return Ticket(
        connection.url_of(authority_options(call)),
        connection.root_pem(authority_options(call)),
        token,
    )
