"""`newel certificates list`."""

from typing import TYPE_CHECKING

from newel.cli.operations.inventory.lists import show_list

if TYPE_CHECKING:
    from newel.cli.options.records.certificates import CertificatesListOptions


def run(options: "CertificatesListOptions") -> None:
    """Print the inventory's certificates, newest first unless --sort says otherwise."""
    show_list(options, "certificates")
