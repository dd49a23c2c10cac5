"""Go's ``regexp`` by RE2, the engine that it reimplements: no pattern makes a search backtrack.

RE2 reports errors in its own words; they are given in Go's here. Patterns and texts on which the two
differ are listed in docs/decisions/0016.
"""

import re
from collections.abc import Iterator

import re2

from newel.gotemplate.budget import Budget
from newel.gotemplate.errors import CallError, LimitError, PatternTooLongError

MAX_PATTERN = 4000
"""Characters of a pattern. RE2 expands counted repetitions before it bounds the program."""
MAX_MEMORY = 4 << 20
"""Octets of one compiled pattern and of the states that a search caches."""
GO_ERRORS = {
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "trailing \\": "trailing backslash at end of expression",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
}
QUOTED_OR_ESCAPED = re.compile(r"\\Q.*?(?:\\E|\Z)|\\(.)", re.DOTALL)
SURROGATE = re.compile("[\ud800-\udfff]")

Span = tuple[int, int]
Captures = tuple[Span, ...]
"""Begin and end of the match and of each group, in characters; (-1, -1) for an unused group."""


class Regexp:
    """A compiled pattern. Raises CallError in Go's words, LimitError when it takes too much memory."""

    def __init__(self, budget: Budget, pattern: str) -> None:
        if len(pattern) > MAX_PATTERN:
            raise PatternTooLongError("error parsing regexp: expression too large")
        self.pattern = pattern
        options = re2.Options()
        options.log_errors = False
        options.max_mem = MAX_MEMORY
        try:
            self.program = re2.compile(SURROGATE.sub("\ufffd", pattern), options)
        except re2.error as error:
            raise translate_error(error.args[0].decode()) from None
        budget.step(self.program.programsize // 16)
        self.names = self.program.groupindex
        self.escapes = {match[1] for match in QUOTED_OR_ESCAPED.finditer(pattern)}
        self._refuse_what_only_re2_takes(pattern)

    def _refuse_what_only_re2_takes(self, pattern: str) -> None:
        if invalid := SURROGATE.search(pattern):
            raise CallError(f"error parsing regexp: invalid UTF-8: `{pattern[invalid.start() :]}`")
        if "C" in self.escapes:
            raise CallError(r"error parsing regexp: invalid escape sequence: `\C`")
        for name in self.names:
            if not name.isascii():
                raise CallError(f"error parsing regexp: invalid named capture: `(?P<{name}>`")

    def search(self, budget: Budget, text: str) -> Captures | None:
        """Return the leftmost match, or None."""
        return next(self.find_all(budget, text, 1), None)

    def find_all(self, budget: Budget, text: str, limit: int = -1) -> Iterator[Captures]:
        """Yield up to ``limit`` matches that do not overlap, all when it is negative.

        As in Go, an empty match does not count right behind another match, and an octet that is not
        UTF-8 matches as U+FFFD.
        """
        if "B" in self.escapes and not text.isascii():
            raise CallError(r"\B is supported in ASCII text only")  # RE2 finds it inside characters
        size = 1 + self.program.programsize // 256
        budget.step(len(text) * (1 + size))  # RE2 runs forward to the end, then back to the start
        end, count = -1, 0
        matches = self.program.finditer(SURROGATE.sub("\ufffd", text))
        for match in matches if limit else ():
            captures = tuple(match.span(group) for group in range(self.program.groups + 1))
            budget.step(1 + (len(text) - captures[0][1]) * size // 64)
            if captures[0] == (end, end):
                continue
            end = captures[0][1]
            yield captures
            count += 1
            if count == limit:
                return


def translate_error(error: str) -> CallError | LimitError:
    """Return RE2's error as Go words it."""
    what, _, part = error.partition(": ")
    if what.startswith("pattern too large"):
        return LimitError("a regular expression takes too much memory")
    return CallError(f"error parsing regexp: {GO_ERRORS.get(what, what)}: `{part}`")
