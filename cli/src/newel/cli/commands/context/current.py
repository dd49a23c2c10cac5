"""`newel context current`."""

from newel.cli.errors import CliError
from newel.cli.interact.terminal import show_json
from newel.cli.options.invocation import Invocation
from newel.cli.store import steppath


def run(call: Invocation) -> None:
    """Prints the name of the context in force, or with --json the whole of it."""
    call.positionals(0)
    context = steppath.current()
    if context is None:
        raise CliError("no context selected")
    if call.on("json") or call.json:
        show_json(
            {"name": context.name, "authority": context.authority, "profile": context.profile}
        )
    else:
        print(context.name)
