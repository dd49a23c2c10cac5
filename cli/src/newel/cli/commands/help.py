"""`newel help [command …]`: what there is, and how one command is used."""

import sys

from newel.cli.errors import CliError
from newel.cli.grammar import EVERYWHERE, Command, Flag, find, load, words
from newel.cli.invocation import Invocation

FOREIGN = {
    "up": "run a whole certificate authority in this process",
    "ceremony": "make root, intermediate and service keys from a written plan",
}
KINDS = {"s": "value", "m": "value …", "i": "number", "d": "duration"}


def run(call: Invocation) -> int:
    """Prints the list of commands, or the help of the one that is named."""
    if not call.args:
        return overview()
    command, rest = find(call.args)
    if command is None or rest:
        raise CliError(f"No help topic for '{' '.join(call.args)}'", code=3)
    return describe(command)


def overview() -> int:
    """The first words and what they are for."""
    print("newel: keys, certificates and the authorities that issue them\n\nCommands:")
    for word in words():
        command = load(word)[word]
        if not command.hidden:
            print(f"  {word:12} {command.summary or children(command)}")
    for word, summary in FOREIGN.items():
        print(f"  {word:12} {summary}")
    print("\n'newel help COMMAND' or 'newel COMMAND --help' says how one is used.")
    return 0


def children(command: Command) -> str:
    """The words that follow a group's."""
    depth = len(command.path.split())
    tree = load(command.path.split()[0])
    found = {
        path.split()[depth]
        for path in tree
        if path.startswith(command.path + " ") and not tree[path].hidden
    }
    return ", ".join(sorted(found))


def describe(command: Command) -> int:
    """Prints usage, summary, and every flag of one command, or the commands of a group."""
    print(f"Usage: {command.usage} {'COMMAND …' if command.group else '[flags]'}\n")
    if command.group:
        tree = load(command.path.split()[0])
        depth = len(command.path.split()) + 1
        for path, child in tree.items():
            if path.startswith(command.path + " ") and len(path.split()) == depth:
                print(f"  {path.split()[-1]:16} {child.summary or children(child)}")
        return 0
    print(f"{command.summary[:1].upper()}{command.summary[1:]}.\n\nFlags:")
    for flag in sorted(command.flags, key=lambda flag: flag.name):
        if not flag.hidden:
            print(describe_flag(flag))
    for flag in EVERYWHERE:
        print(describe_flag(flag))
    if command.flags:
        print(
            "\nA flag may also be set as STEP_<NAME> in the environment or in config/defaults.json."
        )
    sys.stdout.flush()
    return 0


def describe_flag(flag: Flag) -> str:
    """One flag on one line."""
    spelled = ", ".join(f"{'-' if len(name) == 1 else '--'}{name}" for name in flag.names)
    kind = f" <{KINDS[flag.kind]}>" if flag.kind in KINDS else ""
    default = f" (default {flag.default})" if flag.default else ""
    return f"  {spelled + kind:44} {flag.meaning}{default}"
