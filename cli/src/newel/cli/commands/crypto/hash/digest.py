"""`newel crypto hash digest`."""

from typing import TYPE_CHECKING

from newel.cli.interact.terminal import show_json
from newel.cli.operations.crypto import digests

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_hash import CryptoHashDigestOptions


def run(options: "CryptoHashDigestOptions") -> None:
    """Print the digest of each file or directory."""
    names = options.positionals(1, -1)
    new = digests.choose(options.alg, insecure=options.insecure)
    found = {name: digests.of_path(new, name).hex() for name in names}
    if options.json:
        show_json(found)
        return
    for name, digest in found.items():
        print(f"{digest}  {name}")
