"""`newel ssh hosts`: the hosts the authority has certified."""

from typing import TYPE_CHECKING

from newel.cli.operations.ssh import admission
from newel.cli.options.groups import ssh_options

if TYPE_CHECKING:
    from newel.cli.options.records.ssh import SSHHostsOptions


def run(options: "SSHHostsOptions") -> None:
    """Print the hosts as a table."""
    from newel.client import ssh_calls

    options.positionals(0)
    found = admission.answer(ssh_options(options), ssh_calls.hosts())
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json([{"hostname": h.name, "id": h.id, "tags": dict(h.tags)} for h in found])
        return
    from newel.cli.render.table import format_table

    rows = [(h.name, h.id, ",".join(f"{name}={value}" for name, value in h.tags)) for h in found]
    print(format_table([("HOSTNAME", "ID", "TAGS"), *rows]))
