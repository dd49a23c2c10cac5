"""Where a verb's result goes: the file of --out, which only its owner may read, or stdout."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newel.cli.options.invocation import Invocation


def deliver(call: "Invocation", data: bytes) -> None:
    """Write the octets as they are. Asks before it overwrites a file, unless --force is given."""
    name = call.get("out")
    if name:
        from newel.cli.interact.terminal import say
        from newel.cli.store.files import write

        write(name, data, force=call.on("force"))
        say("Written", name)
        return
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def line(text: str) -> bytes:
    """Return a text as a file of one line."""
    return text.encode() + b"\n"
