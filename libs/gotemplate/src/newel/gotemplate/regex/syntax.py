"""RE2's syntax (the Perl-like one of Go's regexp) into a tree."""

import re
from dataclasses import dataclass, replace

from newel.gotemplate.errors import CallError
from newel.gotemplate.regex.characters import (
    ANYTHING,
    LETTERS,
    NAMED,
    NO_NEWLINE,
    Characters,
    category,
)

MAX_REPEAT = 1000
MAX_DEPTH = 40
ESCAPES = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
FLAGS = re.compile(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])")
NAME = re.compile(r"\(\?P?<(\w+)>")
COUNT = re.compile(r"\{(\d{1,9})(?:(,)(\d{1,9})?)?\}")
OCTAL = re.compile(r"[1-7][0-7]{1,2}|0[0-7]{0,2}")
HEXADECIMAL = re.compile(r"x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,6})\})")
PROPERTY = re.compile(r"[pP](?:(\w)|\{(\^?\w+)\})")
NAMED_CLASS = re.compile(r"\[:(\^?)(\w+):\]")


@dataclass(frozen=True)
class Set:
    """One character of a set."""

    characters: Characters


@dataclass(frozen=True)
class Place:
    r"""A condition on the place: ``^ $ \A \z \b \B`` by the letters A z b B, with m ``^ $``."""

    kind: str


@dataclass(frozen=True)
class Sequence:
    """One after the other."""

    parts: "tuple[Expression, ...]"


@dataclass(frozen=True)
class Choice:
    """One of them, the first that leads to a match."""

    parts: "tuple[Expression, ...]"


@dataclass(frozen=True)
class Repeat:
    """From ``least`` to ``most`` times (None: any number), as often as it can unless ``lazy``."""

    part: "Expression"
    least: int
    most: int | None
    lazy: bool


@dataclass(frozen=True)
class Group:
    """A numbered part."""

    number: int
    part: "Expression"


Expression = Set | Place | Sequence | Choice | Repeat | Group


@dataclass(frozen=True)
class Modes:
    """``i m s U`` as they stand."""

    i: bool = False
    m: bool = False
    s: bool = False
    U: bool = False


@dataclass(frozen=True)
class Pattern:
    """A parsed expression, and its groups' names by number from 1; empty for those without."""

    expression: Expression
    names: tuple[str, ...]


def parse(text: str) -> Pattern:
    """The tree of an expression; CallError in Go's words."""
    parser = Parser(text)
    expression = parser.choice(Modes(), 0)
    if parser.place < len(text):
        raise parser.fault("unexpected )", text)
    return Pattern(expression, tuple(parser.names))


class Parser:
    """Reads an expression once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self.names: list[str] = []

    def fault(self, what: str, part: str) -> CallError:
        """What is wrong with the expression."""
        return CallError(f"error parsing regexp: {what}: `{part}`")

    def choice(self, modes: Modes, depth: int) -> Expression:
        """Alternatives up to ``)`` or the end."""
        if depth > MAX_DEPTH:
            raise self.fault("expression nests too deeply", self.text)
        found = [Sequence(())]
        parts: list[Expression] = []
        while self.place < len(self.text) and self.text[self.place] != ")":
            if self.text[self.place] == "|":
                self.place += 1
                found[-1] = Sequence(tuple(parts))
                found.append(Sequence(()))
                parts = []
                continue
            switch = FLAGS.match(self.text, self.place)
            if switch and switch[3] == ")":
                self.place = switch.end()
                modes = self.switched(modes, switch)
                continue
            parts += self.repeated(self.atom(modes, depth), modes)
        found[-1] = Sequence(tuple(parts))
        return found[0] if len(found) == 1 else Choice(tuple(found))

    def switched(self, modes: Modes, switch: "re.Match[str]") -> Modes:
        """The modes with some on and some off."""
        on = dict.fromkeys(switch[1], True)
        return replace(modes, **on, **dict.fromkeys(switch[2] or "", False))

    def repeated(self, atoms: list[Expression], modes: Modes) -> list[Expression]:
        """The last of the atoms with the repetition behind it."""
        start, char = self.place, self.text[self.place : self.place + 1]
        count = COUNT.match(self.text, self.place)
        if char not in {"*", "+", "?"} and count is None:
            return atoms
        if not atoms:
            raise self.fault("missing argument to repetition operator", char)
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(char, (0, 0))
        self.place += 1
        if count:
            self.place = count.end()
            least = int(count[1])
            most = int(count[3]) if count[3] else None if count[2] else least
            if max(least, most or 0) > MAX_REPEAT or (most is not None and most < least):
                raise self.fault("invalid repeat count", count[0])
        lazy = self.text.startswith("?", self.place)
        self.place += lazy
        following = self.text[self.place : self.place + 1]
        if following and (following in "*+?" or COUNT.match(self.text, self.place)):
            raise self.fault(
                "invalid nested repetition operator", self.text[start : self.place + 1]
            )
        return [*atoms[:-1], Repeat(atoms[-1], least, most, lazy is not modes.U)]

    def atom(self, modes: Modes, depth: int) -> list[Expression]:
        r"""What a repetition can follow; several where ``\Q`` quotes them, none for an empty quote."""
        char = self.text[self.place]
        if char == "(":
            return [self.group(modes, depth)]
        if char == "[":
            return [Set(self.bracket(modes))]
        if char == "\\":
            return self.escaped(modes)
        if char in "*+?":
            raise self.fault("missing argument to repetition operator", char)
        self.place += 1
        if char == ".":
            return [Set(ANYTHING if modes.s else NO_NEWLINE)]
        if char in "^$":
            return [Place(char if modes.m else "A" if char == "^" else "z")]
        return [self.one(ord(char), modes)]

    def one(self, point: int, modes: Modes) -> Set:
        """A character that stands for itself."""
        return Set(Characters(((point, point),), folded=modes.i))

    def group(self, modes: Modes, depth: int) -> Expression:
        """``(…)`` of any kind."""
        start = self.place
        switch, name = FLAGS.match(self.text, start), NAME.match(self.text, start)
        number = 0
        if switch:
            modes = self.switched(modes, switch)
            self.place = switch.end()
        elif self.text.startswith("(?", start) and name is None:
            raise self.fault("invalid or unsupported Perl syntax", self.text[start : start + 3])
        else:
            self.place = name.end() if name else start + 1
            if name and name[1] in self.names:
                raise self.fault("duplicate capture group name", name[1])
            self.names.append(name[1] if name else "")
            number = len(self.names)
        part = self.choice(modes, depth + 1)
        if self.place >= len(self.text):
            raise self.fault("missing closing )", self.text)
        self.place += 1
        return Group(number, part) if number else part

    def escaped(self, modes: Modes) -> list[Expression]:
        """What begins with a backslash outside of brackets."""
        letter = self.text[self.place + 1 : self.place + 2]
        if not letter:
            raise self.fault("trailing backslash at end of expression", "")
        if letter == "Q":
            end = self.text.find(r"\E", self.place)
            end = len(self.text) if end < 0 else end
            quoted = self.text[self.place + 2 : end]
            self.place = min(end + 2, len(self.text))
            return [self.one(ord(char), modes) for char in quoted]
        if letter in "AzbB":
            self.place += 2
            return [Place(letter)]
        known = self.class_escape(modes)
        return [Set(known) if known else self.one(self.point(), modes)]

    def class_escape(self, modes: Modes) -> Characters | None:
        r"""``\d``, ``\pL`` and their kin; None where another escape stands."""
        letter = self.text[self.place + 1]
        if letter.lower() in LETTERS:
            self.place += 2
            return Characters(LETTERS[letter.lower()], negated=letter.isupper(), folded=modes.i)
        found = PROPERTY.match(self.text, self.place + 1)
        if found is None:
            return None
        name = found[1] or found[2]
        test = category(name.removeprefix("^"))
        if test is None:
            raise self.fault("invalid character class range", "\\" + found[0])
        self.place = found.end()
        return Characters((), (test,), (letter == "P") is not name.startswith("^"), modes.i)

    def point(self) -> int:
        """The code point of an escape, which is taken."""
        start = self.place + 1
        letter = self.text[start : start + 1]
        octal, hexadecimal = OCTAL.match(self.text, start), HEXADECIMAL.match(self.text, start)
        if octal or hexadecimal:
            found = octal or hexadecimal
            self.place = found.end() if found else start
            value = int(octal[0], 8) if octal else 0
            if hexadecimal:
                value = int(hexadecimal[1] or hexadecimal[2], 16)
            if value <= 0x10FFFF:
                return value
        elif letter in ESCAPES or (letter and letter.isascii() and not letter.isalnum()):
            self.place = start + 1
            return ESCAPES.get(letter, ord(letter))
        raise self.fault("invalid escape sequence", "\\" + letter)

    def bracket(self, modes: Modes) -> Characters:
        """``[…]``"""
        start = self.place
        self.place += 1
        negated = self.text.startswith("^", self.place)
        self.place += negated
        ranges: list[tuple[int, int]] = []
        sets: list[Characters] = []
        first = True
        while first or not self.text.startswith("]", self.place):
            if self.place >= len(self.text):
                raise self.fault("missing closing ]", self.text[start:])
            first = False
            known = self.inner_class(modes)
            if known:
                sets.append(known)
                continue
            ranges.append(self.span(start))
        self.place += 1
        return Characters(tuple(ranges), tuple(each.has for each in sets), negated, modes.i)

    def inner_class(self, modes: Modes) -> Characters | None:
        """A class within brackets."""
        named = NAMED_CLASS.match(self.text, self.place)
        if named:
            if named[2] not in NAMED:
                raise self.fault("invalid character class range", named[0])
            self.place = named.end()
            return Characters(NAMED[named[2]], negated=bool(named[1]), folded=modes.i)
        escapes = self.text.startswith("\\", self.place) and self.place + 1 < len(self.text)
        return self.class_escape(modes) if escapes else None

    def span(self, start: int) -> tuple[int, int]:
        """A character or range within brackets."""
        begin = self.place
        low = high = self.bracket_point(start)
        following = self.text[self.place : self.place + 2]
        if len(following) == 2 and following[0] == "-" and following[1] != "]":
            self.place += 1
            high = self.bracket_point(start)
            if high < low:
                raise self.fault("invalid character class range", self.text[begin : self.place])
        return low, high

    def bracket_point(self, start: int) -> int:
        """One character within brackets."""
        if self.place >= len(self.text):
            raise self.fault("missing closing ]", self.text[start:])
        if self.text[self.place] == "\\":
            return self.point()
        self.place += 1
        return ord(self.text[self.place - 1])
