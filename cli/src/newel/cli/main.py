"""The entry of `newel` (and of `step`): finds the command's module in a table and runs only that.

A command is a module with ``main(arguments: list[str]) -> int``. What other members bring (``up``,
``ceremony``) is found by its entry point in the group ``newel.commands``, looked up only when asked for.
"""

import importlib
import sys

from newel.cli.table import COMMANDS, FOREIGN


def main() -> int:
    """Runs the command named on the command line and returns its exit code."""
    arguments = sys.argv[1:]
    words = [word for word in arguments if not word.startswith("-")][:1]
    name = words[0] if words else "help"
    if name in COMMANDS:
        module, _ = COMMANDS[name]
        return run(f"{module}:main", arguments[arguments.index(name) + 1 :] if words else [])
    if name in FOREIGN:
        return run(entry_point(name), arguments[arguments.index(name) + 1 :])
    print(f"newel: there is no command '{name}'; 'newel help' lists them", file=sys.stderr)
    return 1


def entry_point(name: str) -> str:
    """The ``module:function`` another member registered for a command word."""
    from importlib.metadata import entry_points

    for entry in entry_points(group="newel.commands", name=name):
        return entry.value
    print(
        f"newel: '{name}' is not installed here; install newel-{FOREIGN[name][0]}", file=sys.stderr
    )
    raise SystemExit(1)


def run(target: str, arguments: list[str]) -> int:
    """Imports ``module:function`` and calls it with the remaining arguments."""
    module, _, function = target.partition(":")
    try:
        return int(getattr(importlib.import_module(module), function)(arguments) or 0)
    except KeyboardInterrupt:
        return 130
