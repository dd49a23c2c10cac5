"""`newel ca provisioner jwe-key`."""

from newel.cli.operations.connection import connected
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """The encrypted private key of a provisioner: a compact JWE."""
    from newel.client import calls

    (kid,) = call.positionals(1)
    with connected(call) as authority:
        found = authority.send(calls.encrypted_key(kid))
    if call.json:
        from newel.cli.interact.terminal import show_json

        show_json({"key": found})
    else:
        print(found)
