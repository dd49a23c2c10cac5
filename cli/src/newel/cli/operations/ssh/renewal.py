"""Renewal of a host certificate, which its own key asks for (SSHPOP)."""

from typing import TYPE_CHECKING

from newel.cli.operations import connection
from newel.cli.operations.ssh.certificate_files import certificate_of
from newel.cli.operations.ssh.issuance import Ticket
from newel.cli.operations.tokens import token_requests

if TYPE_CHECKING:
    from newel.cli.operations.tokens.token_options import TokenOptions
    from newel.client.ssh_calls import IssuedSSHCertificate


def renew(
    tokens: "TokenOptions", certificate_file: str, key_file: str, new_key: bytes = b""
) -> "IssuedSSHCertificate":
    """Return the successor of a host's certificate, for its own key or for ``new_key``. Raises CliError."""
    if tokens.offline:
        from newel.cli.operations.offline import ssh_certificates

        return ssh_certificates.renew(tokens, certificate_file, key_file, new_key)
    from newel.client import ssh_calls

    place = ticket(tokens, "ssh/rekey" if new_key else "ssh/renew", certificate_file, key_file)
    request = ssh_calls.rekey(place.token, new_key) if new_key else ssh_calls.renew(place.token)
    with connection.connect(tokens.authority, url=place.url, root=place.root) as authority:
        return authority.send(request)


def ticket(tokens: "TokenOptions", path: str, certificate_file: str, key_file: str) -> Ticket:
    """Return a token for this method, signed by the certificate's key. Raises CliError."""
    serial = str(certificate_of(certificate_file).serial)
    own = tokens._replace(sshpop_cert=certificate_file, sshpop_key=key_file)
    token = token_requests.issue(own, path, serial, kinds=("SSHPOP",))
    return Ticket(
        connection.url_of(tokens.authority),
        connection.root_pem(tokens.authority),
        token,
    )
