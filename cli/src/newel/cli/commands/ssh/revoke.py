"""`newel ssh revoke`: an SSH certificate is renewed no more."""

from typing import TYPE_CHECKING

from newel.cli.commands.ca.revoke import reason_code, refuse_offline
from newel.cli.errors import CliError
from newel.cli.interact.terminal import note
from newel.cli.operations import connection
from newel.cli.operations.ssh import issuance
from newel.cli.operations.ssh.certificate_files import certificate_of
from newel.cli.operations.tokens import token_requests
from newel.cli.options.groups import authority_options, token_options

if TYPE_CHECKING:
    from newel.cli.options.records.ssh import SSHRevokeOptions


KINDS = ("JWK", "OIDC", "X5C")


def run(options: "SSHRevokeOptions") -> None:
    """Revoke by serial with a provisioner's token, or a host certificate with its own key."""
    from newel.client import ssh_calls

    refuse_offline(options)
    code, reason = reason_code(options.reason_code), options.reason or ""
    words = options.positionals(0, 1)
    certificate, key = options.sshpop_cert, options.sshpop_key
    if not words and not (certificate and key):
        raise CliError(
            "--sshpop-cert and --sshpop-key must be supplied if serial number is not supplied as "
            "first argument"
        )
    serial = words[0] if words else str(certificate_of(str(certificate)).serial)
    place = ticket(options, serial)
    with connection.connect(
        authority_options(options), url=place.url, root=place.root
    ) as authority:
        authority.send(ssh_calls.revoke(serial, place.token, reason_code=code, reason=reason))
    note(f"SSH Certificate with Serial Number {serial} has been revoked.")


def ticket(options: "SSHRevokeOptions", serial: str) -> issuance.Ticket:
    """Return the token of --token, or a new one."""
    from newel.cli.operations import enroll

    given = options.token
    if given:
        found = enroll.from_token(authority_options(options), given, "", [])
        return issuance.Ticket(found.url, found.root, found.token)
    own = bool(options.sshpop_cert)
    token = token_requests.issue(
        token_options(options), "ssh/revoke", serial, kinds=("SSHPOP",) if own else KINDS
    )
    authority = authority_options(options)
    return issuance.Ticket(connection.url_of(authority), connection.root_pem(authority), token)
