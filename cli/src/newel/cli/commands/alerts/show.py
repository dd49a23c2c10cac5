"""`newel alerts show`."""

from typing import TYPE_CHECKING

from newel.cli.interact.terminal import show_json
from newel.cli.operations.inventory import layouts, session
from newel.cli.options.groups import service_options

if TYPE_CHECKING:
    from newel.cli.options.records.alerts import AlertsShowOptions


def run(call: "AlertsShowOptions") -> None:
    """One alert and what became of it on each channel."""
    from newel.client import catalogue
    from newel.client.answers import rows

    (identifier,) = call.positionals(1)
    form = layouts.format_of(call.output, options=("text", "json"))
    with session.connect(service_options(call, "alerting")) as authority:
        found = authority.send(catalogue.alert(identifier))
        deliveries = rows(found, "deliveries")
    if form == "json":
        show_json(found)
        return
    print(layouts.details(found))
    if deliveries:
        print()
        layouts.show("text", layouts.DELIVERIES, deliveries)
