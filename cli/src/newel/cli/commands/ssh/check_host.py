"""`newel ssh check-host`: answers by its exit code whether the authority has certified a host."""

from typing import TYPE_CHECKING

from newel.cli.operations.connection import connected, explained
from newel.cli.store import steppath

if TYPE_CHECKING:
    from newel.cli.options.records.ssh import SSHCheckHostOptions


def run(options: "SSHCheckHostOptions") -> int:
    """0 when it has, 1 when it has not or cannot be asked."""
    from newel.client import ssh_calls

    (name,) = options.positionals(1)
    with connected(options) as authority, explained("error checking ssh host eligibility: "):
        token = ""
        if steppath.identity_file(options).is_file():
            from newel.cli.operations.ssh import identity
            from newel.client import calls

            if authority.send(calls.version()).require_client_authentication:
                token = identity.token_for(options, name)
        exists = authority.send(ssh_calls.check_host(name, token))
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json({"exists": exists})
    elif options.verbose:
        print("true" if exists else "false")
    return 0 if exists else 1
