"""Commands that other commands are built of."""

from typing import Any

from newel.cli.options.grammar import EVERYWHERE, find
from newel.cli.options.invocation import Invocation


def parse(path: str, *words: str) -> Any:
    """Return the options of the command at ``path``, in the type of its record, for these words."""
    command, _ = find(path.split())
    assert command is not None, path  # noqa: S101 - the caller's own text
    return Invocation(command, [*words])


def delegate(call: Invocation, path: str, *words: str) -> Any:
    """Return the options of the command at ``path`` for these words and the flags it shares with this line."""
    shared = parse(path)
    given = [
        f"--{flag.name}={value}"
        for flag in (*EVERYWHERE, *call.command.flags)
        if shared.has(flag.name) and call.is_given(flag.name)
        for value in call.all(flag.name)
    ]
    return parse(path, *given, *words)
