"""`newel certificate install`: a root into the trust stores of this machine."""

from typing import TYPE_CHECKING

from newel.cli.operations.certificates import trust_stores
from newel.cli.options.groups import select

if TYPE_CHECKING:
    from newel.cli.options.records.certificate import CertificateInstallOptions


def run(options: "CertificateInstallOptions") -> None:
    """Add the root and say what it is."""
    (name,) = options.positionals(1)
    stores = select(trust_stores.StoreOptions, options, all_=options.all_)
    summary = trust_stores.change(name, stores, remove=False)
    print(f"Certificate {name} has been installed.")
    print(summary, end="")
