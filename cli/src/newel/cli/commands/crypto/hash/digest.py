"""`newel crypto hash digest`."""

from newel.cli.interact.terminal import show_json
from newel.cli.operations.crypto import digests
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Prints the digest of each file or directory."""
    names = call.positionals(1, -1)
    new = digests.chosen(call)
    found = {name: digests.of_path(new, name).hex() for name in names}
    if call.json:
        show_json(found)
        return
    for name, digest in found.items():
        print(f"{digest}  {name}")
