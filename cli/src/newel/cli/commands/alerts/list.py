"""`newel alerts list`."""

from typing import TYPE_CHECKING

from newel.cli.commands.certificates.list import show_list

if TYPE_CHECKING:
    from newel.cli.options.records.alerts import AlertsListOptions


def run(options: "AlertsListOptions") -> None:
    """Alerts, those opened last first unless --sort says otherwise."""
    show_list(options, "alerts")
