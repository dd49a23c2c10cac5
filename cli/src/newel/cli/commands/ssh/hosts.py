"""`newel ssh hosts`: the hosts the authority has certified."""

from newel.cli.connection import connected
from newel.cli.invocation import Invocation


def run(call: Invocation) -> None:
    """Prints them as a table."""
    from newel.client import ssh_calls

    call.positionals(0)
    with connected(call) as authority:
        found = authority.send(ssh_calls.hosts())
    if call.json:
        from newel.cli.terminal import show_json

        show_json([{"hostname": h.name, "id": h.id, "tags": dict(h.tags)} for h in found])
        return
    from newel.cli.tables import tabbed

    rows = [(h.name, h.id, ",".join(f"{name}={value}" for name, value in h.tags)) for h in found]
    print(tabbed([("HOSTNAME", "ID", "TAGS"), *rows]))
