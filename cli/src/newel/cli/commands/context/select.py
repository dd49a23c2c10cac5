"""`newel context select`."""

from newel.cli import program
from newel.cli.errors import CliError
from newel.cli.interact.menu import choose
from newel.cli.interact.terminal import say
from newel.cli.options.invocation import Invocation
from newel.cli.store import steppath


def run(call: Invocation) -> None:
    """Makes a context the one in force; asks which when no name is given."""
    names = sorted(steppath.contexts())
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
    steppath.select(name)
    say("Context", name)
