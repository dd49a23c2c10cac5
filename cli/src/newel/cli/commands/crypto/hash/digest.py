"""`newel crypto hash digest`."""

from newel.cli.crypto import digests
from newel.cli.invocation import Invocation
from newel.cli.terminal import show_json


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
