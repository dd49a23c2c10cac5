"""Renewal of a host certificate, which its own key asks for (SSHPOP)."""

from typing import TYPE_CHECKING

from newel.cli import connection, token_requests
from newel.cli.errors import CliError
from newel.cli.files import read
from newel.cli.ssh.certificates import Certificate, read_certificate
from newel.cli.ssh.issuance import Ticket

if TYPE_CHECKING:
    from newel.cli.invocation import Invocation


def certificate_of(name: str) -> Certificate:
    """The certificate of a file. Raises CliError that names the file."""
    data = read(name)
    try:
        return read_certificate(data)
    except CliError as error:
        raise CliError(f"error parsing ssh public key from {name}: {error}") from None


def ticket(call: "Invocation", path: str, certificate_file: str, key_file: str) -> Ticket:
    """A token for this method, signed by the certificate's key. Raises CliError."""
    serial = str(certificate_of(certificate_file).serial)
    call.supply("sshpop-cert", certificate_file)
    call.supply("sshpop-key", key_file)
    token = token_requests.issue(call, path, serial, kinds=("SSHPOP",))
    return Ticket(connection.url_of(call), connection.root_pem(call), token)
