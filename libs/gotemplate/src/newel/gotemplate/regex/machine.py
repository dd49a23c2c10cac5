"""Matches without backtracking: all ways through the expression are followed at once, character by
character, so that no pattern takes longer than its size times the text's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from newel.gotemplate.budget import Budget
from newel.gotemplate.errors import CallError
from newel.gotemplate.regex.characters import Characters
from newel.gotemplate.regex.syntax import (
    Choice,
    Expression,
    Group,
    Pattern,
    Place,
    Repeat,
    Sequence,
    Set,
    parse,
)

LARGEST = 4000
Captures = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Take:
    """Takes one character of a set."""

    characters: Characters


@dataclass(slots=True)
class Fork:
    """Goes on at each of these, the first preferred."""

    targets: list[int]


@dataclass(frozen=True, slots=True)
class Check:
    """Goes on where the place is right."""

    kind: str


@dataclass(frozen=True, slots=True)
class Save:
    """Notes the place in a slot."""

    slot: int


class Accept:
    """A match."""


Instruction = Take | Fork | Check | Save | Accept


@dataclass
class Program:
    """An expression as instructions."""

    names: tuple[str, ...]
    code: list[Instruction] = field(default_factory=list[Instruction])

    def add(self, instruction: Instruction) -> int:
        """Appends one; its number."""
        if len(self.code) >= LARGEST:
            raise CallError("error parsing regexp: expression too large")
        self.code.append(instruction)
        return len(self.code) - 1

    def emit(self, part: Expression) -> None:
        """The instructions of one part of the tree."""
        if isinstance(part, Set):
            self.add(Take(part.characters))
        elif isinstance(part, Place):
            self.add(Check(part.kind))
        elif isinstance(part, Group):
            self.add(Save(2 * part.number))
            self.emit(part.part)
            self.add(Save(2 * part.number + 1))
        elif isinstance(part, Sequence):
            for each in part.parts:
                self.emit(each)
        elif isinstance(part, Choice):
            self.choice(part)
        else:
            self.repeat(part)

    def choice(self, part: Choice) -> None:
        """Each alternative, with a way to the end behind it."""
        fork = Fork([])
        self.add(fork)
        exits: list[Fork] = []
        for each in part.parts:
            fork.targets.append(len(self.code))
            self.emit(each)
            exits.append(Fork([]))
            self.add(exits[-1])
        for leave in exits:
            leave.targets.append(len(self.code))

    def repeat(self, part: Repeat) -> None:
        """The part as often as it must, then as often as it may."""
        for _ in range(part.least):
            self.emit(part.part)
        if part.most is None:
            fork = Fork([])
            start = self.add(fork)
            self.emit(part.part)
            self.add(Fork([start]))
            self.aim(fork, start + 1, part)
            return
        forks: list[tuple[Fork, int]] = []
        for _ in range(part.most - part.least):
            fork = Fork([])
            forks.append((fork, self.add(fork)))
            self.emit(part.part)
        for fork, start in forks:
            self.aim(fork, start + 1, part)

    def aim(self, fork: Fork, inside: int, part: Repeat) -> None:
        """Into the part or past it; what comes first is preferred."""
        outside = len(self.code)
        fork.targets = [outside, inside] if part.lazy else [inside, outside]


def compiled(text: str) -> Program:
    """The program of an expression; CallError in Go's words."""
    pattern: Pattern = parse(text)
    program = Program(pattern.names)
    program.add(Save(0))
    program.emit(pattern.expression)
    program.add(Save(1))
    program.add(Accept())
    return program


def is_word(text: str, place: int) -> bool:
    """Whether an ASCII word character stands at the place."""
    char = text[place : place + 1] if place >= 0 else ""
    return char == "_" or (char.isascii() and char.isalnum())


def holds(kind: str, text: str, place: int) -> bool:
    """Whether a place is what ``A z b B ^ $`` ask for."""
    if kind in "bB":
        return (is_word(text, place - 1) != is_word(text, place)) is (kind == "b")
    if kind in "A^":
        return place == 0 or (kind == "^" and text[place - 1] == "\n")
    return place == len(text) or (kind == "$" and text[place] == "\n")


def search(budget: Budget, program: Program, text: str, start: int = 0) -> Captures | None:
    """The leftmost match from ``start`` on: begin and end of the whole and of each group, -1 for none."""
    blank = (-1,) * (2 * len(program.names) + 2)
    threads: list[tuple[int, Captures]] = []
    found: Captures | None = None
    for place in range(start, len(text) + 1):
        seen: set[int] = set()
        ready: list[tuple[int, Captures]] = []
        waiting = [*threads, *([] if found else [(0, blank)])]
        for number, captures in waiting:
            follow(program, text, place, number, captures, (seen, ready))
        budget.step(len(seen) + 1)
        threads = []
        for number, captures in ready:
            instruction = program.code[number]
            if isinstance(instruction, Accept):
                found = captures
                break
            if (
                place < len(text)
                and isinstance(instruction, Take)
                and instruction.characters.has(text[place])
            ):
                threads.append((number + 1, captures))
        if not threads and found:
            break
    return found


def follow(
    program: Program,
    text: str,
    place: int,
    number: int,
    captures: Captures,
    reached: tuple[set[int], list[tuple[int, Captures]]],
) -> None:
    """Everything that can be reached without taking a character, the preferred first."""
    seen, ready = reached
    stack = [(number, captures)]
    while stack:
        number, captures = stack.pop()
        if number in seen:
            continue
        seen.add(number)
        instruction = program.code[number]
        if isinstance(instruction, Fork):
            stack += [(target, captures) for target in reversed(instruction.targets)]
        elif isinstance(instruction, Save):
            slot = instruction.slot
            stack.append((number + 1, (*captures[:slot], place, *captures[slot + 1 :])))
        elif isinstance(instruction, Check):
            if holds(instruction.kind, text, place):
                stack.append((number + 1, captures))
        else:
            ready.append((number, captures))


def matches(budget: Budget, program: Program, text: str, most: int = -1) -> Iterator[Captures]:
    """Matches that do not overlap; an empty one never right behind another."""
    place, before, count = 0, -1, 0
    while place <= len(text) and count != most:
        found = search(budget, program, text, place)
        if found is None:
            return
        accepted = True
        if found[1] == place:
            accepted = found[0] != before
            place += 1
        else:
            place = found[1]
        before = found[1]
        if accepted:
            count += 1
            yield found
