"""`newel alerts test`."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.interact.terminal import show_json
from newel.cli.operations.inventory import layouts, session
from newel.cli.options.groups import service_options

if TYPE_CHECKING:
    from newel.cli.options.records.alerts import AlertsTestOptions


def run(call: "AlertsTestOptions") -> None:
    """Send a test message to a channel. Raises CliError when the receiver does not take it."""
    from newel.client import catalogue

    (name,) = call.positionals(1)
    form = layouts.format_of(call.output, options=("text", "json"))
    with session.connect(service_options(call, "alerting")) as authority:
        outcome = authority.send(catalogue.try_channel(name))
    if form == "json":
        show_json(outcome)
    if not outcome.get("delivered"):
        raise CliError(f"the channel {name} does not work: {outcome.get('error')}")
    if form == "text":
        print(f"The channel {name} took a test message and what resolves it.")
