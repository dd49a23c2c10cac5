"""`newel ssh check-host`: answers by its exit code whether the authority has certified a host."""

from typing import TYPE_CHECKING

from newel.cli.operations.connection import connect, explain_refusals
from newel.cli.options.groups import authority_options

if TYPE_CHECKING:
    from newel.cli.options.records.ssh import SSHCheckHostOptions


def run(options: "SSHCheckHostOptions") -> int:
    """Return 0 when the host has a certificate, 1 when it has none or the authority cannot be asked."""
    from newel.client import ssh_calls

    (name,) = options.positionals(1)
    with (
        connect(authority_options(options)) as authority,
        explain_refusals("error checking ssh host eligibility: "),
    ):
        token = ""
        if authority_options(options).identity_file.is_file():
            from newel.cli.operations.ssh import identity
            from newel.client import calls

            if authority.send(calls.version()).require_client_authentication:
                token = identity.token_for(authority_options(options), name)
        exists = authority.send(ssh_calls.check_host(name, token))
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json({"exists": exists})
    elif options.verbose:
        print("true" if exists else "false")
    return 0 if exists else 1
