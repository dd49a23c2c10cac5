"""`newel alerts deliveries`."""

from typing import TYPE_CHECKING

from newel.cli.commands.certificates.list import show_list

if TYPE_CHECKING:
    from newel.cli.options.records.alerts import AlertsDeliveriesOptions


def run(options: "AlertsDeliveriesOptions") -> None:
    """List what was or is to be sent, the latest first unless --sort says otherwise."""
    show_list(options, "deliveries")
