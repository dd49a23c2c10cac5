"""Sprig's functions for regular expressions. The ``must…`` variants word a pattern's error differently."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from newel.gotemplate.budget import Budget
from newel.gotemplate.calls import Functions, declare
from newel.gotemplate.errors import CallError, PatternTooLongError
from newel.gotemplate.literals import octets
from newel.gotemplate.regex import Captures, Regexp, Span
from newel.gotemplate.values import Slice

REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")
SPECIAL = frozenset("\\.+*?()|[]{}^$")


def is_match(budget: Budget, pattern: str, text: str) -> bool:
    """Return whether the pattern matches anywhere; an invalid pattern matches nothing.

    Raises CallError for one that is too long to be read: Go may find a match.
    """
    try:
        regexp = Regexp(budget, pattern)
    except PatternTooLongError:
        raise
    except CallError:
        return False
    return match(budget, regexp, text)


def match(budget: Budget, regexp: Regexp, text: str) -> bool:
    """Return whether the pattern matches anywhere."""
    return regexp.search(budget, text) is not None


def find(budget: Budget, regexp: Regexp, text: str) -> str:
    """Return the first match, empty when there is none."""
    found = regexp.search(budget, text)
    return text[slice(*found[0])] if found else ""


def find_all(budget: Budget, regexp: Regexp, text: str, limit: int) -> Slice:
    """Return the matches, all of them when ``limit`` is negative."""
    found = [text[slice(*captures[0])] for captures in regexp.find_all(budget, text, limit)]
    return Slice(found, nil=not found)


def replace(budget: Budget, regexp: Regexp, text: str, replacement: str) -> str:
    """Replace matches; ``$1`` and ``${name}`` in the replacement stand for groups."""

    def expand(captures: Captures) -> str:
        return REFERENCE.sub(
            lambda reference: expand_reference(regexp, captures, reference, text), replacement
        )

    matches = regexp.find_all(budget, text)
    return substitute(budget, ((captures[0], expand(captures)) for captures in matches), text)


def replace_literally(budget: Budget, regexp: Regexp, text: str, replacement: str) -> str:
    """Replace matches by the replacement as it stands."""
    matches = regexp.find_all(budget, text)
    return substitute(budget, ((captures[0], replacement) for captures in matches), text)


def substitute(budget: Budget, changes: Iterable[tuple[Span, str]], text: str) -> str:
    """Return the text with each span exchanged for its new text."""
    parts: list[str] = []
    end = 0
    for span, new in changes:
        budget.allocate(len(octets(new)))
        parts += [text[end : span[0]], new]
        end = span[1]
    return "".join(parts) + text[end:]


def expand_reference(
    regexp: Regexp, captures: Captures, reference: re.Match[str], text: str
) -> str:
    """Return what a reference in a replacement stands for; empty for an unknown group."""
    if reference[1]:
        return "$"
    name = reference[2] or reference[3]
    number = int(name) if name.isdecimal() and len(name) < 5 else regexp.names.get(name, -1)
    return text[slice(*captures[number])] if 0 <= number < len(captures) else ""


def split(budget: Budget, regexp: Regexp, text: str, limit: int) -> Slice:
    """Return what stands between matches, at most ``limit`` parts unless it is negative."""
    if limit == 0:
        return Slice(nil=True)
    if regexp.pattern and not text:
        return Slice([""])
    parts: list[str] = []
    begin = end = 0
    for captures in regexp.find_all(budget, text, limit):
        if limit > 0 and len(parts) == limit - 1:
            break
        end = captures[0][0]
        if captures[0][1] != 0:
            parts.append(text[begin:end])
        begin = captures[0][1]
    if end != len(text):
        parts.append(text[begin:])
    return Slice(parts)


def quote_meta(text: str) -> str:
    """Return the pattern that matches exactly the text."""
    return "".join(f"\\{char}" if char in SPECIAL else char for char in text)


def must(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with its pattern compiled."""

    def call(budget: Budget, pattern: str, *others: Any) -> Any:
        return function(budget, Regexp(budget, pattern), *others)

    return call


def name_pattern(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with its pattern compiled; errors name it, as those of Go's MustCompile do."""

    def call(budget: Budget, pattern: str, *others: Any) -> Any:
        try:
            regexp = Regexp(budget, pattern)
        except CallError as error:
            mark = "`" if "`" not in pattern else '"'
            raise CallError(f"regexp: Compile({mark}{pattern}{mark}): {error}") from None
        return function(budget, regexp, *others)

    return call


TWINS: dict[str, tuple[str, Callable[..., Any]]] = {
    "egexFind": ("string string", find),
    "egexFindAll": ("string string int", find_all),
    "egexReplaceAll": ("string string string", replace),
    "egexReplaceAllLiteral": ("string string string", replace_literally),
    "egexSplit": ("string string int", split),
}
FUNCTIONS: Functions = {
    "regexMatch": declare("string string", is_match, bounded=True),
    "mustRegexMatch": declare("string string", must(match), bounded=True),
    "regexQuoteMeta": declare("string", quote_meta),
    **{
        f"r{name}": declare(types, name_pattern(function), bounded=True)
        for name, (types, function) in TWINS.items()
    },
    **{
        f"mustR{name}": declare(types, must(function), bounded=True)
        for name, (types, function) in TWINS.items()
    },
}
