"""`newel ca root`."""

from newel.cli.operations.connection import COMPARE, explained, url_of
from newel.cli.options.certificate_output import deliver
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """The root of a fingerprint; it needs no bootstrap and trusts nobody but the fingerprint."""
    from newel.client.bootstrap import fetch_root

    call.positionals(0, 1)
    url, fingerprint = url_of(call), call.require("fingerprint")
    with explained(hint=COMPARE):
        found = fetch_root(url, fingerprint)
    deliver(call, [found], "root certificate")
