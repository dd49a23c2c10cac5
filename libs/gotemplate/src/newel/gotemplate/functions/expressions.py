"""Regular expressions. What is none stops the ``must…`` twins and the others alike, in other words."""

import re
from collections.abc import Callable
from typing import Any

from newel.gotemplate.budget import Budget
from newel.gotemplate.calls import Functions, takes
from newel.gotemplate.errors import CallError
from newel.gotemplate.literals import octets
from newel.gotemplate.regex.machine import Captures, Program, compiled, matches, search
from newel.gotemplate.values import Slice

REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")
SPECIAL = frozenset("\\.+*?()|[]{}^$")


def is_match(budget: Budget, pattern: str, text: str) -> bool:
    """Whether it matches anywhere; a pattern that is none matches nothing."""
    try:
        return must_match(budget, pattern, text)
    except CallError:
        return False


def must_match(budget: Budget, pattern: str, text: str) -> bool:
    """Whether it matches anywhere."""
    return search(budget, compiled(pattern), text) is not None


def find(budget: Budget, pattern: str, text: str) -> str:
    """The first match, empty when there is none."""
    found = search(budget, compiled(pattern), text)
    return text[found[0] : found[1]] if found else ""


def find_all(budget: Budget, pattern: str, text: str, most: int) -> Slice:
    """The matches, all of them when ``most`` is negative."""
    found = [text[each[0] : each[1]] for each in matches(budget, compiled(pattern), text, most)]
    return Slice(found, nil=not found)


def replaced(budget: Budget, pattern: str, text: str, replacement: str) -> str:
    """Matches replaced, ``$1`` and ``${name}`` in the replacement by their groups."""
    program = compiled(pattern)

    def expand(found: Captures) -> str:
        return REFERENCE.sub(lambda match: group(program, found, match, text), replacement)

    return rebuilt(budget, [(each, expand(each)) for each in matches(budget, program, text)], text)


def replaced_literally(budget: Budget, pattern: str, text: str, replacement: str) -> str:
    """Matches replaced by the text as it is."""
    found = matches(budget, compiled(pattern), text)
    return rebuilt(budget, [(each, replacement) for each in found], text)


def rebuilt(budget: Budget, changes: list[tuple[Captures, str]], text: str) -> str:
    """The text with its matches exchanged."""
    parts: list[str] = []
    end = 0
    for found, new in changes:
        budget.build(len(octets(new)))
        parts += [text[end : found[0]], new]
        end = found[1]
    return "".join(parts) + text[end:]


def group(program: Program, found: Captures, match: re.Match[str], text: str) -> str:
    """What a reference in a replacement stands for."""
    if match[1]:
        return "$"
    name = match[2] or match[3]
    number = int(name) if name.isdecimal() and len(name) < 5 else -1
    if not name.isdecimal() and name in program.names:
        number = program.names.index(name) + 1
    if not 0 <= number <= len(program.names) or found[2 * number] < 0:
        return ""
    return text[found[2 * number] : found[2 * number + 1]]


def split(budget: Budget, pattern: str, text: str, most: int) -> Slice:
    """What stands between matches, at most so many parts unless negative."""
    if most == 0:
        return Slice(nil=True)
    if pattern and not text:
        return Slice([""])
    parts: list[str] = []
    begin = end = 0
    for found in matches(budget, compiled(pattern), text, most):
        if most > 0 and len(parts) == most - 1:
            break
        end = found[0]
        if found[1] != 0:
            parts.append(text[begin:end])
        begin = found[1]
    if end != len(text):
        parts.append(text[begin:])
    return Slice(parts)


def escaped(text: str) -> str:
    """The pattern that matches the text alone."""
    return "".join(f"\\{char}" if char in SPECIAL else char for char in text)


def naming_pattern(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose refusal of a pattern names it, as Go's MustCompile does."""

    def named(budget: Budget, pattern: str, *others: Any) -> Any:
        try:
            compiled(pattern)
        except CallError as error:
            mark = "`" if "`" not in pattern else '"'
            raise CallError(f"regexp: Compile({mark}{pattern}{mark}): {error}") from None
        return function(budget, pattern, *others)

    return named


TWINS: dict[str, tuple[str, Callable[..., Any]]] = {
    "egexFind": ("string string", find),
    "egexFindAll": ("string string int", find_all),
    "egexReplaceAll": ("string string string", replaced),
    "egexReplaceAllLiteral": ("string string string", replaced_literally),
    "egexSplit": ("string string int", split),
}
FUNCTIONS: Functions = {
    "regexMatch": takes("string string", is_match, bounded=True),
    "mustRegexMatch": takes("string string", must_match, bounded=True),
    "regexQuoteMeta": takes("string", escaped),
    **{
        f"r{name}": takes(types, naming_pattern(function), bounded=True)
        for name, (types, function) in TWINS.items()
    },
    **{
        f"mustR{name}": takes(types, function, bounded=True)
        for name, (types, function) in TWINS.items()
    },
}
