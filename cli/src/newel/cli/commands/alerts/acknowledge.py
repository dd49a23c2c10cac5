"""`newel alerts acknowledge`."""

from typing import TYPE_CHECKING

from newel.cli.operations.inventory import entries
from newel.cli.options.groups import service_options

if TYPE_CHECKING:
    from newel.cli.options.records.alerts import AlertsAcknowledgeOptions


def run(call: "AlertsAcknowledgeOptions") -> None:
    """Say who looks after an alert."""
    from newel.client import catalogue

    (identifier,) = call.positionals(1)
    done = entries.fetch(
        call.output,
        service_options(call, "alerting"),
        catalogue.acknowledge(identifier, call.note or ""),
    )
    entries.report(call.output, done, f"{done['acknowledged_by']} looks after {identifier}.")
