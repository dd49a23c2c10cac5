"""`newel certificate install`: a root into the trust stores of this machine."""

from typing import TYPE_CHECKING

from newel.cli.operations.certificates import trust_stores

if TYPE_CHECKING:
    from newel.cli.options.records.certificate import CertificateInstallOptions


def run(options: "CertificateInstallOptions") -> None:
    """Adds the root and says what it is."""
    trust_stores.change(options, remove=False)
