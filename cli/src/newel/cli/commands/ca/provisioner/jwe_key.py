"""`newel ca provisioner jwe-key`."""

from typing import TYPE_CHECKING

from newel.cli.operations.connection import connect
from newel.cli.options.groups import authority_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca_provisioner import CAProvisionerJWEKeyOptions


def run(options: "CAProvisionerJWEKeyOptions") -> None:
    """Print the encrypted private key of a provisioner: a compact JWE."""
    from newel.client import calls

    (kid,) = options.positionals(1)
    with connect(authority_options(options)) as authority:
        found = authority.send(calls.encrypted_key(kid))
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json({"key": found})
    else:
        print(found)
