"""`newel alerts retry`."""

from typing import TYPE_CHECKING

from newel.cli.operations.inventory import entries
from newel.cli.options.groups import service_options

if TYPE_CHECKING:
    from newel.cli.options.records.alerts import AlertsRetryOptions


def run(call: "AlertsRetryOptions") -> None:
    """Queue a delivery again that has failed for good."""
    from newel.client import catalogue

    (key,) = call.positionals(1)
    done = entries.fetch(call.output, service_options(call, "alerting"), catalogue.retry(key))
    entries.report(
        call.output, done, f"{key} is sent again within seconds; newel alerts show has the outcome."
    )
