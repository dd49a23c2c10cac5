"""`newel certificate bundle`: a certificate and its authority's in one file."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.interact.terminal import note
from newel.cli.operations.certificates import sources
from newel.cli.store.files import write

if TYPE_CHECKING:
    from newel.cli.options.records.certificate import CertificateBundleOptions


def run(options: "CertificateBundleOptions") -> None:
    """Write both certificates, the leaf first."""
    leaf, authority, target = options.positionals(3)
    both = "".join(first_block(name) for name in (leaf, authority))
    write(target, both.encode(), force=options.force)
    note(f"Your certificate has been saved in {target}.")


def first_block(name: str) -> str:
    """Return the first PEM block of a file."""
    found = sources.blocks(sources.contents(name))
    if not found:
        raise CliError(f"could not parse certificate file '{name}'")
    return sources.pem(found[0].data, found[0].label)
