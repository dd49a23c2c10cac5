"""Certificates an authority hands out, on stdout or in a file."""

from collections.abc import Sequence

from newel.cli.interact.terminal import note, show_json
from newel.cli.options.invocation import Invocation


def deliver(call: Invocation, certificates: Sequence[str], what: str) -> None:
    """Print PEM certificates, or write them to the positional's file and report ``what``."""
    text = "".join(each.strip() + "\n" for each in certificates)
    if call.args:
        from newel.cli.store.files import write

        write(call.args[0], text.encode(), force=call.on("force"))
        note(f"The {what} has been saved in {call.args[0]}.")
    elif call.json:
        show_json({"certificates": [each.strip() + "\n" for each in certificates]})
    else:
        print(text, end="")
