"""`newel context select`."""

from newel.cli import paths, program
from newel.cli.errors import CliError
from newel.cli.invocation import Invocation
from newel.cli.menu import choose
from newel.cli.terminal import say


def run(call: Invocation) -> None:
    """Makes a context the one in force; asks which when no name is given."""
    names = sorted(paths.contexts())
    if not names:
        raise CliError(
            f"there is no context yet; '{program.name()} ca bootstrap --context NAME' makes one"
        )
    given = call.positionals(0, 1)
    name = (
        given[0] if given else names[choose("Select a context:", names, "the name as an argument")]
    )
    if name not in names:
        raise CliError(f"context '{name}' not found")
    paths.select(name)
    say("Context", name)
