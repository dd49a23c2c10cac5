"""`newel ca root`."""

from typing import TYPE_CHECKING

from newel.cli.operations.connection import COMPARE, explain_refusals, url_of
from newel.cli.options.certificate_output import deliver
from newel.cli.options.groups import authority_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CARootOptions


def run(options: "CARootOptions") -> None:
    """Write the root with a fingerprint, which is all that is trusted."""
    from newel.client.bootstrap import fetch_root

    options.positionals(0, 1)
    url, fingerprint = url_of(authority_options(options)), options.require("fingerprint")
    with explain_refusals(hint=COMPARE):
        found = fetch_root(url, fingerprint)
    deliver(options, [found], "root certificate")
