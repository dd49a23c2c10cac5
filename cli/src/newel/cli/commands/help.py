"""`newel help [command …]`: what there is, and how one command is used."""

import sys

from newel.cli import help_text
from newel.cli.errors import CliError, UsageError
from newel.cli.grammar import EVERYWHERE, Command, Flag, find, load, words
from newel.cli.invocation import Invocation

FOREIGN = {
    "up": "run a whole certificate authority in this process",
    "ceremony": "make root, intermediate and service keys from a written plan",
}
KINDS = {"s": "value", "m": "value", "i": "number", "d": "duration"}
PAGES = ("http", "html", "markdown", "report")


def run(call: Invocation) -> int:
    """Prints the list of commands, or the help of the one that is named."""
    asked = next((flag for flag in PAGES if call.given(flag)), None)
    if asked:
        raise UsageError(f"flag '--{asked}' is not supported: help is on the terminal only")
    if not call.args:
        return overview()
    command, rest = find(call.args)
    if command is None or rest:
        raise CliError(f"No help topic for '{' '.join(call.args)}'", code=3)
    return describe(command)


def overview() -> int:
    """The first words and what they are for."""
    rows = [(word, load(word)[word].summary) for word in words() if not load(word)[word].hidden]
    print(help_text.wrapped("newel: keys, certificates and the authorities that issue them") + "\n")
    print("Commands:")
    print(help_text.columns(sorted([*rows, *FOREIGN.items()])))
    show_examples("")
    print()
    print(help_text.wrapped("'newel help COMMAND' or 'newel COMMAND --help' says how one is used."))
    return 0


def describe(command: Command) -> int:
    """Prints how one command is used, or what commands a group has."""
    usage = command.usage.removeprefix("step ")
    print(f"Usage: newel {usage} {'COMMAND …' if command.group else '[flags]'}\n")
    print(help_text.sentence(command.summary))
    if command.group:
        print("\nCommands:")
        print(help_text.columns(below(command)))
    else:
        show_flags(command)
    show_examples(command.path)
    if command.group:
        print(f"\n'newel {command.path} COMMAND --help' says how one is used.")
    sys.stdout.flush()
    return 0


def below(group: Command) -> list[tuple[str, str]]:
    """The words that follow a group's, and what they are for."""
    depth = len(group.path.split()) + 1
    return [
        (path.split()[-1], child.summary)
        for path, child in load(group.path.split()[0]).items()
        if path.startswith(group.path + " ") and len(path.split()) == depth and not child.hidden
    ]


def show_flags(command: Command) -> None:
    """The command's own flags, then those of every command, and where else they may be set."""
    own = [flag for flag in command.flags if not flag.hidden]
    if own:
        print("\nFlags:")
        print(
            help_text.columns([spelled(flag) for flag in sorted(own, key=lambda flag: flag.name)])
        )
    taken = {name for flag in command.flags for name in flag.names}
    everywhere = [flag for flag in EVERYWHERE if not flag.hidden and not taken & set(flag.names)]
    print("\nFlags of every command:")
    print(help_text.columns([spelled(flag) for flag in everywhere]))
    named = next((flag for flag in own if flag.environment), None)
    if named:
        print()
        print(
            help_text.wrapped(
                f"A flag not given is looked for in the environment (--{named.name} as "
                f"{named.environment}) and then in config/defaults.json under 'newel path'."
            )
        )


def spelled(flag: Flag) -> tuple[str, str]:
    """How one flag is written, and what it means."""
    names = ", ".join(f"{'-' if len(name) == 1 else '--'}{name}" for name in flag.names)
    kind = f" <{KINDS[flag.kind]}>" if flag.kind in KINDS else ""
    again = "; may be given again" if flag.kind == "m" and "repeatable" not in flag.meaning else ""
    default = f" (default {flag.default})" if flag.default else ""
    return names + kind, f"{flag.meaning}{again}{default}"


def show_examples(path: str) -> None:
    """What a person does with the command, day by day, where it is written down."""
    found = help_text.examples(path)
    if found:
        print("\nExamples:")
    for meaning, line in found:
        print(help_text.wrapped(f"{meaning}:", indent=2))
        print(f"      {line}")
