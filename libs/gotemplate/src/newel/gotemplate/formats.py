"""Go's Sprintf: a format with verbs, and its notes on arguments that do not fit."""

import re
from collections.abc import Sequence
from typing import Any

from newel.gotemplate.budget import Budget
from newel.gotemplate.printing import PLAIN, Verb, format_value
from newel.gotemplate.values import is_integer, type_name

DIRECTIVE = re.compile(
    r"%([-+# 0]*)(?:\[([^\]]*)\])?(\*|\d+)?(?:(\.)(?:\[([^\]]*)\])?(\*|\d+)?)?(?:\[([^\]]*)\])?(.)?",
    re.DOTALL,
)
WIDEST = 1_000_000


def sprintf(budget: Budget, pattern: str, *values: Any) -> str:
    """Return the format with its verbs replaced."""
    return Format(budget, values).whole(pattern)


class Format:
    """The state of a format: the next argument, and whether any was chosen by number."""

    def __init__(self, budget: Budget, values: Sequence[Any]) -> None:
        self.budget = budget
        self.values = values
        self.place = 0
        self.reordered = False

    def whole(self, pattern: str) -> str:
        """Format the text and note the arguments left over."""
        found: list[str] = []
        end = 0
        for match in DIRECTIVE.finditer(pattern):
            found += [pattern[end : match.start()], self.directive(match)]
            end = match.end()
        found += [pattern[end:], self.extra()]
        return "".join(found)

    def directive(self, match: re.Match[str]) -> str:
        """Format one ``%…``."""
        flags, first, width_text, dot, second, precision_text, third, letter = match.groups()
        complaints = ""
        self.choose(first)
        width, fault = self.size(width_text, "WIDTH")
        complaints += fault
        marks = set(flags)
        if width is not None and width < 0:
            marks.add("-")
            width = -width
        self.choose(second)
        precision, fault = self.size(precision_text, "PREC")
        complaints += fault
        if dot and precision is None and not fault:
            precision = 0
        self.choose(third)
        if letter is None:
            return complaints + "%!(NOVERB)"
        if letter == "%":
            return complaints + "%"
        if not 0 <= self.place < len(self.values):
            fault = "BADINDEX" if self.reordered else "MISSING"
            return f"{complaints}%!{letter}({fault})"
        value = self.values[self.place]
        self.place += 1
        self.budget.allocate((width or 0) + (precision or 0))
        verb = Verb(letter, frozenset(marks), width, precision)
        return complaints + format_value(self.budget, verb, value)

    def choose(self, number: str | None) -> None:
        """Move to the argument of this number, if one is given."""
        if number is not None:
            self.reordered = True
            self.place = int(number) - 1 if number.isdecimal() and len(number) < 9 else -1

    def size(self, text: str | None, what: str) -> tuple[int | None, str]:
        """Return a width or precision, from the next argument for ``*``, and a note on a bad one."""
        if text is None:
            return None, ""
        if text == "*":
            value = self.values[self.place] if 0 <= self.place < len(self.values) else None
            self.place += 1
            least = -WIDEST if what == "WIDTH" else 0
            if isinstance(value, int) and is_integer(value) and least <= value <= WIDEST:
                return value, ""
            return None, f"%!(BAD{what})"
        size = int(text[:9])
        return (size, "") if size <= WIDEST else (None, f"%!(BAD{what})")

    def extra(self) -> str:
        """Return the note on arguments that no verb used."""
        if self.reordered or self.place >= len(self.values):
            return ""
        parts = [
            "<nil>"
            if value is None
            else f"{type_name(value)}={format_value(self.budget, PLAIN, value)}"
            for value in self.values[self.place :]
        ]
        return f"%!(EXTRA {', '.join(parts)})"
