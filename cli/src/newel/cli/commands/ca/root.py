"""`newel ca root`."""

from typing import TYPE_CHECKING

from newel.cli.operations.connection import COMPARE, explained, url_of
from newel.cli.options.certificate_output import deliver

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CARootOptions


def run(options: "CARootOptions") -> None:
    """The root of a fingerprint; it needs no bootstrap and trusts nobody but the fingerprint."""
    from newel.client.bootstrap import fetch_root

    options.positionals(0, 1)
    url, fingerprint = url_of(options), options.require("fingerprint")
    with explained(hint=COMPARE):
        found = fetch_root(url, fingerprint)
    deliver(options, [found], "root certificate")
