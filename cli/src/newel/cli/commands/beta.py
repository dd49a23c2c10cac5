"""`newel beta …`: the older names of commands that have found their place."""

from importlib import import_module

from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> int:
    """Runs the command of the same words without the first."""
    from newel.cli.main import module_of

    module = import_module(module_of(call.command.path.removeprefix("beta ")))
    return int(module.run(call) or 0)
