"""The commands of the toolkit as parts of the verbs that stand on them."""

from typing import Any

from newel.cli.options.grammar import EVERYWHERE, find
from newel.cli.options.invocation import Invocation


def calling(call: Invocation, path: str, *words: str) -> Any:  # the options of that command
    """A call of the command at ``path`` with these words, and with the flags of this line that it has too."""
    command, _ = find(path.split())
    assert command is not None, path  # noqa: S101 - the caller's own text
    known = {name for flag in (*EVERYWHERE, *command.flags) for name in flag.names}
    given = [
        f"--{flag.name}={value}"
        for flag in (*EVERYWHERE, *call.command.flags)
        if flag.name in known and call.given(flag.name)
        for value in call.all(flag.name)
    ]
    return Invocation(command, [*given, *words])
