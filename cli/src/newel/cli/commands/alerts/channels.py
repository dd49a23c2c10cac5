"""`newel alerts channels`."""

from typing import TYPE_CHECKING

from newel.cli.operations.inventory import layouts, session
from newel.cli.options.groups import service_options

if TYPE_CHECKING:
    from newel.cli.options.records.alerts import AlertsChannelsOptions


def run(call: "AlertsChannelsOptions") -> None:
    """List the channels that alerts are sent to."""
    from newel.client import catalogue

    call.positionals(0)
    form = layouts.format_of(call.output)
    with session.connect(service_options(call, "alerting")) as authority:
        found = authority.send(catalogue.channels())
    layouts.show(form, layouts.CHANNELS, found)
