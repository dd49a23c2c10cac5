"""`newel alerts test`."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.interact.terminal import show_json
from newel.cli.operations.inventory import entries
from newel.cli.options.groups import service_options

if TYPE_CHECKING:
    from newel.cli.options.records.alerts import AlertsTestOptions


def run(call: "AlertsTestOptions") -> None:
    """Send a test message to a channel. Raises CliError when the receiver does not take it."""
    from newel.client import catalogue

    (name,) = call.positionals(1)
    options = service_options(call, "alerting")
    outcome = entries.fetch(call.output, options, catalogue.try_channel(name))
    fault = f"the channel {name} does not work: {outcome.get('error')}"
    if outcome.get("delivered"):
        sentence = f"The channel {name} took a test message and what resolves it."
        entries.report(call.output, outcome, sentence)
        return
    if call.output == "json":
        show_json(outcome)
    raise CliError(fault)
