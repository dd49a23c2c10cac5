"""`newel alerts silences`."""

from typing import TYPE_CHECKING

from newel.cli.commands.certificates.list import show_list

if TYPE_CHECKING:
    from newel.cli.options.records.alerts import AlertsSilencesOptions


def run(options: "AlertsSilencesOptions") -> None:
    """List silences, those that end last first unless --sort says otherwise."""
    show_list(options, "silences")
