"""What there is to say about each command, once, whatever form it is shown in."""

from collections.abc import Iterator
from typing import NamedTuple

from newel.cli import program
from newel.cli.options.grammar import (
    EVERYWHERE,
    Command,
    Flag,
    considerations,
    examples,
    load,
    words,
)
from newel.cli.options.lookup import FOREIGN

Row = tuple[str, str]
"""A name and what it means; in examples what is done and the line that does it."""

KINDS = {"s": "value", "m": "value", "i": "number", "d": "duration"}


class Section(NamedTuple):
    """Names and meanings under a title, and a sentence after them."""

    title: str
    rows: list[Row]
    note: str = ""


class Page(NamedTuple):
    """One command, or one word under which commands stand; no words: the whole."""

    words: tuple[str, ...]
    usage: str
    summary: str
    sections: list[Section]
    examples: list[Row]
    closing: str = ""

    @property
    def name(self) -> str:
        """The line that calls it, without what follows."""
        return " ".join((program.name(), *self.words))

    @property
    def commands(self) -> list[str]:
        """The words that lead on from here."""
        return [
            name
            for one in self.sections
            if one.title == "Commands"
            for name, _ in one.rows
            if not (self.words == () and name in FOREIGN)
        ]


def overview() -> Page:
    """Return the first words and what they are for."""
    rows = [(word, load(word)[word].summary) for word in words() if not load(word)[word].hidden]
    rows += [(word, meaning) for word, (_, meaning) in FOREIGN.items()]
    return Page(
        words=(),
        usage=f"{program.name()} COMMAND …",
        summary="keys, certificates and the authorities that issue them",
        sections=[Section("Commands", sorted(rows))],
        examples=examples(""),
        closing=f"'{program.name()} help COMMAND' or '{program.name()} COMMAND --help' says how one is used.",
    )


def page(command: Command) -> Page:
    """Return how one command is used, or what commands a group has."""
    usage = command.usage
    sections = [Section("Commands", below(command))] if command.group else flags(command)
    return Page(
        words=tuple(command.path.split()),
        usage=f"{usage} {'COMMAND …' if command.group else '[flags]'}",
        summary=command.summary,
        sections=[*sections, *consider(command)],
        examples=examples(command.path),
        closing=f"'{program.name()} {command.path} COMMAND --help' says how one is used."
        if command.group
        else "",
    )


BACKGROUND = [
    Section(
        "Environment",
        [
            ("STEPPATH", "the directory of configuration, certificates and keys (default ~/.step)"),
            ("STEP_CONTEXT", "the context to work in, instead of the selected one"),
            ("STEP_FLAG", "the value of a flag not given: STEP_CA_URL is --ca-url"),
            ("NO_COLOR", "no colours on the terminal"),
        ],
    ),
    Section(
        "Files",
        [
            ("config/defaults.json", "flags not given on the line nor in the environment"),
            ("certs/root_ca.crt", "the root certificate that bootstrap trusts"),
            ("contexts.json", "the contexts and whose authority and profile each one has"),
        ],
        "They stand under the directory that 'newel path' names.",
    ),
    Section(
        "Exit status",
        [
            ("0", "it is done"),
            ("1", "it is not, and why stands on stderr; 'certificate needs-renewal' has its own"),
            ("3", "there is no such command"),
        ],
    ),
]


def every_page() -> Iterator[Page]:
    """All of it: the overview with what concerns every command, then each command beside its group."""
    whole = overview()
    yield whole._replace(sections=[*whole.sections, *BACKGROUND])
    for word in words():
        for command in load(word).values():
            yield page(command)


def below(group: Command) -> list[Row]:
    """Return the words that follow a group's, and what they are for."""
    depth = len(group.path.split()) + 1
    return [
        (path.split()[-1], child.summary)
        for path, child in load(group.path.split()[0]).items()
        if path.startswith(group.path + " ") and len(path.split()) == depth and not child.hidden
    ]


def consider(command: Command) -> list[Section]:
    """Return what to consider for security, in the architecture and in use, a section for each."""
    found = considerations(command.path)
    above = command.path.partition(" ")[0]
    general = {kind for kind, *_ in considerations(above)} if above != command.path else set[str]()
    return [
        Section(
            f"{kind} considerations",
            [(subject, text) for of, subject, text in found if of == kind],
            f"Those of '{program.name()} help {above}' apply too." if kind in general else "",
        )
        for kind in dict.fromkeys(kind for kind, *_ in found)
    ]


def flags(command: Command) -> list[Section]:
    """Return the command's own flags, then those of every command, and where else they may be set."""
    own = sorted((flag for flag in command.flags if not flag.hidden), key=lambda flag: flag.name)
    taken = {name for flag in command.flags for name in flag.names}
    everywhere = [flag for flag in EVERYWHERE if not flag.hidden and not taken & set(flag.names)]
    named = next((flag for flag in command.flags if flag.environment and not flag.hidden), None)
    note = (
        f"A flag not given is looked for in the environment (--{named.name} as "
        f"{named.environment}) and then in config/defaults.json under '{program.name()} path'."
        if named
        else ""
    )
    found = [Section("Flags", [spell(flag) for flag in own])] if own else []
    return [*found, Section("Flags of every command", [spell(flag) for flag in everywhere], note)]


def spell(flag: Flag) -> Row:
    """Return how one flag is written, and what it means."""
    names = ", ".join(f"{'-' if len(name) == 1 else '--'}{name}" for name in flag.names)
    kind = f" <{KINDS[flag.kind]}>" if flag.kind in KINDS else ""
    again = "; may be given again" if flag.kind == "m" and "repeatable" not in flag.meaning else ""
    default = f" (default {flag.default})" if flag.default else ""
    return names + kind, f"{flag.meaning}{again}{default}"
