"""`newel ssh hosts`: the hosts the authority has certified."""

from newel.cli.invocation import Invocation
from newel.cli.ssh import admission


def run(call: Invocation) -> None:
    """Prints them as a table."""
    from newel.client import ssh_calls

    call.positionals(0)
    found = admission.answer(call, ssh_calls.hosts())
    if call.json:
        from newel.cli.terminal import show_json

        show_json([{"hostname": h.name, "id": h.id, "tags": dict(h.tags)} for h in found])
        return
    from newel.cli.tables import tabbed

    rows = [(h.name, h.id, ",".join(f"{name}={value}" for name, value in h.tags)) for h in found]
    print(tabbed([("HOSTNAME", "ID", "TAGS"), *rows]))
