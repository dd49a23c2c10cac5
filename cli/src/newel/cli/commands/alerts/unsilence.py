"""`newel alerts unsilence`."""

from typing import TYPE_CHECKING

from newel.cli.operations.inventory import entries
from newel.cli.options.groups import service_options

if TYPE_CHECKING:
    from newel.cli.options.records.alerts import AlertsUnsilenceOptions


def run(call: "AlertsUnsilenceOptions") -> None:
    """End a silence; what it held back is told within seconds."""
    from newel.client import catalogue

    (identifier,) = call.positionals(1)
    done = entries.fetch(
        call.output, service_options(call, "alerting"), catalogue.end_silence(identifier)
    )
    entries.report(call.output, done, f"The silence {identifier} is over.")
