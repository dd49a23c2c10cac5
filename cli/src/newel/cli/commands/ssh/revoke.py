"""`newel ssh revoke`: an SSH certificate is renewed no more."""

from newel.cli.commands.ca.revoke import check_recorded, reason_code
from newel.cli.errors import CliError
from newel.cli.interact.terminal import note
from newel.cli.operations import connection
from newel.cli.operations.ssh import issuance, renewal
from newel.cli.operations.tokens import token_requests
from newel.cli.options.invocation import Invocation

KINDS = ("JWK", "OIDC", "X5C")


def run(call: Invocation) -> None:
    """Revokes by serial with a provisioner's token, or a host certificate with its own key."""
    from newel.client import ssh_calls

    check_recorded(call)
    code, reason = reason_code(call), call.get("reason") or ""
    words = call.positionals(0, 1)
    certificate, key = call.get("sshpop-cert"), call.get("sshpop-key")
    if not words and not (certificate and key):
        raise CliError(
            "--sshpop-cert and --sshpop-key must be supplied if serial number is not supplied as "
            "first argument"
        )
    serial = words[0] if words else str(renewal.certificate_of(str(certificate)).serial)
    place = ticket(call, serial)
    with connection.connected(call, url=place.url, root=place.root) as authority:
        authority.send(ssh_calls.revoke(serial, place.token, reason_code=code, reason=reason))
    note(f"SSH Certificate with Serial Number {serial} has been revoked.")


def ticket(call: Invocation, serial: str) -> issuance.Ticket:
    """The token of --token, or one made now."""
    from newel.cli.operations import enroll

    given = call.get("token")
    if given:
        found = enroll.from_token(call, given, "", [])
        return issuance.Ticket(found.url, found.root, found.token)
    own = bool(call.get("sshpop-cert"))
    token = token_requests.issue(call, "ssh/revoke", serial, kinds=("SSHPOP",) if own else KINDS)
    return issuance.Ticket(connection.url_of(call), connection.root_pem(call), token)
