"""`newel context select`."""

from typing import TYPE_CHECKING

from newel.cli import program
from newel.cli.errors import CliError
from newel.cli.interact.menu import choose
from newel.cli.interact.terminal import say
from newel.cli.store import steppath

if TYPE_CHECKING:
    from newel.cli.options.records.context import ContextSelectOptions


def run(options: "ContextSelectOptions") -> None:
    """Select a context; ask which when no name is given."""
    names = sorted(steppath.contexts())
    if not names:
        raise CliError(
            f"there is no context yet; '{program.name()} ca bootstrap --context NAME' makes one"
        )
    given = options.positionals(0, 1)
    name = (
        given[0] if given else names[choose("Select a context:", names, "the name as an argument")]
    )
    if name not in names:
        raise CliError(f"context '{name}' not found")
    steppath.select(name)
    say("Context", name)
