"""`newel metering`."""

from typing import TYPE_CHECKING

from newel.cli.interact.terminal import note, show_json
from newel.cli.operations.inventory import layouts, session
from newel.cli.options.groups import service_options

if TYPE_CHECKING:
    from newel.cli.options.records.metering import MeteringOptions


def run(options: "MeteringOptions") -> None:
    """Print what a month's usage is, and its total."""
    from newel.client import catalogue
    from newel.client.answers import rows

    options.positionals(0)
    form, month = layouts.format_of(options.output), options.month or ""
    with session.connect(service_options(options, "inventory")) as authority:
        if form == "csv":
            print(authority.send(catalogue.usage_csv(month)), end="")
            return
        found = authority.send(catalogue.usage(month))
    if form == "json":
        show_json(found)
        return
    own = "(the authority itself)"
    usages = [{**each, "provisioner": each["provisioner"] or own} for each in rows(found, "usages")]
    total = {"provisioner": "TOTAL", **found["total"]}
    layouts.show("text", layouts.USAGES, [*usages, total])
    if not found["is_complete"]:
        note(f"{found['month']} is not over: it is counted until {found['counted_until']}.")
