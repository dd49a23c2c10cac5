"""`newel ssh check-host`: answers by its exit code whether the authority has certified a host."""

from newel.cli.connection import connected, explained
from newel.cli.invocation import Invocation


def run(call: Invocation) -> int:
    """0 when it has, 1 when it has not or cannot be asked."""
    from newel.client import ssh_calls

    (name,) = call.positionals(1)
    with connected(call) as authority, explained("error checking ssh host eligibility: "):
        exists = authority.send(ssh_calls.check_host(name))
    if call.json:
        from newel.cli.terminal import show_json

        show_json({"exists": exists})
    elif call.on("verbose"):
        print("true" if exists else "false")
    return 0 if exists else 1
