"""`newel beta …`: the older names of commands that have found their place."""

from importlib import import_module
from typing import TYPE_CHECKING

from newel.cli.options.lookup import module_of

if TYPE_CHECKING:
    from newel.cli.options.records.beta import BetaOptions


def run(options: "BetaOptions") -> int:
    """Run the command of the same words without the first."""
    module = import_module(module_of(options.command.path.removeprefix("beta ")))
    return int(module.run(options) or 0)
