"""`newel context current`."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.interact.terminal import show_json
from newel.cli.store import steppath

if TYPE_CHECKING:
    from newel.cli.options.records.context import ContextCurrentOptions


def run(options: "ContextCurrentOptions") -> None:
    """Print the name of the context in force, or with --json the whole of it."""
    options.positionals(0)
    context = steppath.current()
    if context is None:
        raise CliError("no context selected")
    if options.json_ or options.json:
        show_json(
            {"name": context.name, "authority": context.authority, "profile": context.profile}
        )
    else:
        print(context.name)
