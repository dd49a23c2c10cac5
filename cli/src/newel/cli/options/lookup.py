"""Where the code of a command is, and which command a mistyped word probably meant."""

import os

from newel.cli import program
from newel.cli.errors import CliError
from newel.cli.options.grammar import Command, load, words

COMMANDS = os.path.join(os.path.dirname(os.path.dirname(__file__)), "commands")  # noqa: PTH118, PTH120 - pathlib is slow
FOREIGN = {
    "up": ("newel-standalone", "run a whole certificate authority in this process"),
    "doctor": ("newel-standalone", "say what is wrong with an authority, and what to do about it"),
    "audit": ("newel-standalone", "search the audit trail, and find what was changed in it"),
    "backup": ("newel-standalone", "write everything of an authority into one encrypted file"),
    "restore": ("newel-standalone", "bring an authority back from such a file"),
    "config": (
        "newel-standalone",
        "say what is wrong with a configuration, and what it amounts to",
    ),
    "status": ("newel-standalone", "print a page of facts about an authority"),
    "import": ("newel-standalone", "bring over what a step-ca issued, revoked and registered"),
    "ceremony": ("newel-signer", "make root, intermediate and service keys from a written plan"),
}
"""Commands of other members, which register them in the entry point group ``newel.commands``.

The distribution that each comes with, and what it is for.
"""
UNSUPPORTED = {"api token create": "it is for a service that only the original's makers run"}
"""Commands of the original that this version does not have, and why."""
NOT_FOUND = 3


def module_of(path: str) -> str:
    """Return the module of a command: its own, or that of the nearest group that has one."""
    words = path.replace("-", "_").split()
    for length in range(len(words), 0, -1):
        if os.path.isfile(os.path.join(COMMANDS, *words[:length]) + ".py"):  # noqa: PTH113, PTH118 - see above
            return ".".join(("newel.cli.commands", *words[:length]))
    why = f": {UNSUPPORTED[path]}" if path in UNSUPPORTED else ""
    raise CliError(f"the command '{path}' is not part of this version{why}", code=NOT_FOUND)


def foreign(name: str, arguments: list[str]) -> int:
    """Run a command that another member registered in the group ``newel.commands``."""
    from importlib.metadata import entry_points

    for entry in entry_points(group="newel.commands", name=name):
        return int(entry.load()(arguments) or 0)
    raise CliError(f"'{name}' comes with {FOREIGN[name][0]}, which is not installed here")


def nearest(word: str, group: Command | None) -> str:
    """Return the command that was probably meant; "" when none is near."""
    from difflib import get_close_matches

    if group is None:
        known, path = [*words(), *FOREIGN], ""
    else:
        path = f"{group.path} "
        below = [
            name.removeprefix(path) for name in load(group.path.split()[0]) if name.startswith(path)
        ]
        known = [name for name in below if " " not in name]
    found = get_close_matches(word, known, n=1)
    return f"Did you mean '{program.name()} {path}{found[0]}'?" if found else ""
