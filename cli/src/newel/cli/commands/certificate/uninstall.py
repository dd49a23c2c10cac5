"""`newel certificate uninstall`: a root out of the trust stores of this machine."""

from typing import TYPE_CHECKING

from newel.cli.operations.certificates import trust_stores
from newel.cli.options.groups import select

if TYPE_CHECKING:
    from newel.cli.options.records.certificate import CertificateUninstallOptions


def run(options: "CertificateUninstallOptions") -> None:
    """Remove the root and say what it was."""
    (name,) = options.positionals(1)
    stores = select(trust_stores.StoreOptions, options, all_=options.all_)
    summary = trust_stores.change(name, stores, remove=True)
    print(f"Certificate {name} has been removed.")
    print(summary, end="")
