"""The command tree as data: every command with its positionals and flags, one table per first word.

A table holds the distinct flags of its group once; commands name them by their index. Only the table of
the word that was typed is read, without json, dataclasses or pathlib: each of them costs more than the
command `version` itself.

Lines are tab-separated:
    flag     names,…  kind  default  environment  meaning
    command  path     positionals|…  flag indexes,…  summary      (also: group, hidden command, hidden group)
"""

import os

from newel.cli import program

HERE = os.path.join(os.path.dirname(__file__), "grammar")  # noqa: PTH118, PTH120 - see above

SWITCHES = ("b", "B")


class Flag:
    """One flag.

    ``kind`` is s text, b switch, B switch that is on by default, m repeatable, i integer, d duration.
    ``environment`` is "" where the environment is not asked. A flag that is ``typed`` (``!`` in the column of
    the environment) has the value of the command line alone: neither the environment nor defaults.json may
    choose what is destroyed without a question, nor leave entries out of a list.
    """

    __slots__ = ("default", "environment", "hidden", "kind", "meaning", "name", "names", "typed")

    def __init__(
        self, names: tuple[str, ...], kind: str, default: str, environment: str, meaning: str
    ) -> None:
        self.names = names
        self.name = next((name for name in names if len(name) > 1), names[0])
        self.kind = kind[0]
        self.hidden = kind.endswith("h")
        self.default = default
        automatic = "STEP_" + names[0].upper().replace("-", "_")
        self.environment = {"=": automatic, "-": "", "!": ""}.get(environment, environment)
        self.typed = environment == "!"
        self.meaning = meaning


class Command:
    """One command or, with ``group``, a word under which commands stand."""

    __slots__ = ("flags", "group", "hidden", "path", "positionals", "summary")

    def __init__(
        self, kind: str, path: str, positionals: str, flags: list[Flag], summary: str
    ) -> None:
        self.path = path  # "certificate inspect"
        self.positionals = tuple(positionals.split("|")) if positionals else ()
        self.flags = flags
        self.summary = summary
        self.group = kind.endswith("group")
        self.hidden = kind.startswith("hidden")

    @property
    def usage(self) -> str:
        """The first line of its usage, as error messages quote it."""
        return " ".join((program.name(), self.path, *self.positionals))


EVERYWHERE = (
    Flag(("help", "h"), "b", "", "-", "say how the command is used"),
    Flag(("config",), "sh", "", "-", "another defaults.json"),
    Flag(("output",), "s", "", "STEP_OUTPUT", "text or json"),
)
"""Accepted by every command besides its own flags."""

_loaded: dict[str, dict[str, Command]] = {}


def load(word: str) -> dict[str, Command]:
    """Every command that begins with a word; empty where there is none."""
    if word not in _loaded:
        _loaded[word] = read(word)
    return _loaded[word]


def read(word: str) -> dict[str, Command]:
    """Read one table."""
    if not word.isalnum():
        return {}
    try:
        with open(os.path.join(HERE, f"{word}.tsv"), encoding="utf-8") as table:  # noqa: PTH118, PTH123
            lines = table.read().splitlines()
    except FileNotFoundError:
        return {}
    flags: list[Flag] = []
    commands: dict[str, Command] = {}
    for line in lines:
        kind, path, *rest = line.split("\t")
        if kind == "flag":
            flags.append(Flag(tuple(path.split(",")), *rest))
        else:
            positionals, indexes, summary = rest
            own = [flags[int(index)] for index in indexes.split(",")] if indexes else []
            commands[path] = Command(kind, path, positionals, own, summary)
    return commands


def words() -> list[str]:
    """Return the first words of all commands."""
    return sorted(name.removesuffix(".tsv") for name in os.listdir(HERE) if name.endswith(".tsv"))  # noqa: PTH208


def find(arguments: list[str]) -> tuple[Command | None, list[str]]:
    """Return the longest command that the leading words name, and the words after it."""
    if not arguments:
        return None, []
    tree = load(arguments[0])
    for length in range(min(len(arguments), 7), 0, -1):
        command = tree.get(" ".join(arguments[:length]))
        if command is not None:
            return command, arguments[length:]
    return None, arguments


def examples(path: str) -> list[tuple[str, str]]:
    """Return the examples of a command: what is done, and the line that does it."""
    return [(meaning, line) for command, meaning, line in rows_of("examples") if command == path]


def considerations(path: str) -> list[tuple[str, str, str]]:
    """Return what to consider before a command is used: the kind, the subject and what there is to say."""
    rows = rows_of("considerations")
    return [(kind, subject, text) for command, kind, subject, text in rows if command == path]


def rows_of(name: str) -> list[list[str]]:
    """Return the rows of a text beside the tables."""
    with open(os.path.join(HERE, f"{name}.txt"), encoding="utf-8") as table:  # noqa: PTH118, PTH123
        return [line.rstrip("\n").split("\t") for line in table]
