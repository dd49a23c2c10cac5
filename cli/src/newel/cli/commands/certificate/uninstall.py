"""`newel certificate uninstall`: a root out of the trust stores of this machine."""

from typing import TYPE_CHECKING

from newel.cli.operations.certificates import trust_stores

if TYPE_CHECKING:
    from newel.cli.options.records.certificate import CertificateUninstallOptions


def run(options: "CertificateUninstallOptions") -> None:
    """Removes the root and says what it was."""
    trust_stores.change(options, remove=True)
