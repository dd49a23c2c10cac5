"""`newel ssh check-host`: answers by its exit code whether the authority has certified a host."""

from newel.cli.operations.connection import connected, explained
from newel.cli.options.invocation import Invocation
from newel.cli.store import steppath


def run(call: Invocation) -> int:
    """0 when it has, 1 when it has not or cannot be asked."""
    from newel.client import ssh_calls

    (name,) = call.positionals(1)
    with connected(call) as authority, explained("error checking ssh host eligibility: "):
        token = ""
        if steppath.identity_file(call).is_file():
            from newel.cli.operations.ssh import identity
            from newel.client import calls

            if authority.send(calls.version()).require_client_authentication:
                token = identity.token_for(call, name)
        exists = authority.send(ssh_calls.check_host(name, token))
    if call.json:
        from newel.cli.interact.terminal import show_json

        show_json({"exists": exists})
    elif call.on("verbose"):
        print("true" if exists else "false")
    return 0 if exists else 1
