"""Values formatted as Go's fmt package does, each by a verb such as ``%v`` or ``%5.2f``."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from newel.gotemplate import floats
from newel.gotemplate.budget import Budget
from newel.gotemplate.literals import escape_char, octets, quote, to_text
from newel.gotemplate.time_format import duration_text, time_text
from newel.gotemplate.values import MISSING, NamedInteger, Record, type_name

INTEGERS = {"d": "d", "b": "b", "o": "o", "x": "x", "X": "X", "O": "o"}
PREFIXES = {"b": "0b", "o": "0", "x": "0x", "X": "0X"}
FLOATS = "eEfFgGvxX"
ABSENT = "<nil>"


@dataclass(frozen=True)
class Verb:
    """A verb with flags, width and precision; the latter are None if not given."""

    letter: str = "v"
    flags: frozenset[str] = frozenset()
    width: int | None = None
    precision: int | None = None


PLAIN = Verb()


def format_plain(budget: Budget, value: Any) -> str:
    """Format a value as an action prints it."""
    if isinstance(value, str):
        return value
    if value is None or value is MISSING:
        return "<no value>"
    if isinstance(value, Record) and value.is_pointer:
        return structure(budget, PLAIN, value)
    return format_value(budget, PLAIN, value)


def sprint(budget: Budget, values: Sequence[Any], *, line: bool = False) -> str:
    """Join values like Go's Sprint, which separates values that are not strings, or its Sprintln."""
    found: list[str] = []
    for place, value in enumerate(values):
        bare = isinstance(value, str) or (place > 0 and isinstance(values[place - 1], str))
        if place and (line or not bare):
            found.append(" ")
        found.append(format_value(budget, PLAIN, value))
        budget.allocate(len(found[-1]))
    return "".join(found) + ("\n" if line else "")


def format_value(budget: Budget, verb: Verb, value: Any) -> str:
    """Format a value by a verb, padded to its width."""
    slow = isinstance(value, str | bytes) and verb.letter in "qxX"
    budget.step(1 + (len(value) >> 3 if slow else 0))
    if verb.letter == "T":
        return pad(verb, type_name(value))
    if value is None or value is MISSING:
        return pad(verb, ABSENT) if verb.letter == "v" else format_mismatch(budget, verb, value)
    if isinstance(value, list | bytes | dict | Record) and not is_textual(verb, value):
        return container(budget, verb, value)
    found = scalar(verb, value)
    return format_mismatch(budget, verb, value) if found is None else pad(verb, found)


def format_mismatch(budget: Budget, verb: Verb, value: Any) -> str:
    """Return fmt's note on a verb that does not fit the value."""
    if value is None or value is MISSING:
        return f"%!{verb.letter}({ABSENT})"
    return f"%!{verb.letter}({type_name(value)}={format_value(budget, PLAIN, value)})"


def is_textual(verb: Verb, value: Any) -> bool:
    """Tell whether octets are printed as a string."""
    return isinstance(value, bytes) and verb.letter in "sqxX"


def container(budget: Budget, verb: Verb, value: Any) -> str:
    """Format the elements of a list, map or struct by the same verb."""
    budget.descend()
    verbose = verb.letter == "v" and "#" in verb.flags
    if isinstance(value, Record):
        found = f"{'&' if value.is_pointer else ''}{structure(budget, verb, value)}"
    elif isinstance(value, dict):
        pairs = [
            f"{format_value(budget, verb, key)}:{element(budget, verb, each)}"
            for key, each in sorted(value.items())
        ]
        found = (
            f"{type_name(value)}{{{', '.join(pairs)}}}" if verbose else f"map[{' '.join(pairs)}]"
        )
    else:
        values: Iterable[Any] = value
        parts = [element(budget, verb, each) for each in values]
        found = f"{type_name(value)}{{{', '.join(parts)}}}" if verbose else f"[{' '.join(parts)}]"
    budget.allocate(len(found))
    budget.ascend()
    return found


def element(budget: Budget, verb: Verb, value: Any) -> str:
    """Format one element; a missing one in Go's syntax has its type."""
    if value is None or value is MISSING:
        return "interface {}(nil)" if verb.letter == "v" and "#" in verb.flags else ABSENT
    return format_value(budget, verb, value)


def structure(budget: Budget, verb: Verb, value: Record) -> str:
    """Format a struct as ``{a b}``, or with ``%+v`` as ``{A:a B:b}``."""
    names = verb.letter == "v" and bool(verb.flags & {"+", "#"})
    parts = [
        f"{name}:{element(budget, verb, each)}" if names else element(budget, verb, each)
        for name, each in value.fields.items()
    ]
    return f"{{{' '.join(parts)}}}"


def scalar(verb: Verb, value: Any) -> str | None:
    """Format a value without parts; None where the verb does not fit."""
    if isinstance(value, dt.datetime | dt.timedelta | NamedInteger) and verb.letter in "vsq":
        value = name_of(value)
    if isinstance(value, bool):
        return str(value).lower() if verb.letter in "tv" else None
    if isinstance(value, str | bytes):
        return string(verb, octets(value) if isinstance(value, str) else value)
    if isinstance(value, float):
        return decimal(verb, value)
    if isinstance(value, dt.timedelta):
        return integer(verb, value // dt.timedelta(microseconds=1) * 1000)
    return integer(verb, value) if isinstance(value, int) else None


def name_of(value: Any) -> str:
    """Return a value's own text form."""
    if isinstance(value, dt.datetime):
        return time_text(value)
    return duration_text(value) if isinstance(value, dt.timedelta) else str(value)


def string(verb: Verb, value: bytes) -> str | None:
    """Format a string, cut to the precision."""
    text = to_text(value)
    if verb.precision is not None:
        text = text[: verb.precision]
    if verb.letter == "q" or (verb.letter == "v" and "#" in verb.flags):
        if "#" in verb.flags and verb.letter == "q" and "`" not in text and text.isprintable():
            return f"`{text}`"
        return ascii_quote(text) if "+" in verb.flags else quote(text)
    if verb.letter in "xX":
        value = value[: verb.precision]
        found = value.hex(" ") if " " in verb.flags else value.hex()
        found = "0x" + found if "#" in verb.flags and found else found
        return found.upper() if verb.letter == "X" else found
    return text if verb.letter in "sv" else None


def ascii_quote(text: str) -> str:
    """Put the text in double quotes, with non-ASCII characters escaped."""
    return "".join(
        char
        if char.isascii()
        else rf"\u{ord(char):04x}"
        if ord(char) < 0x10000
        else rf"\U{ord(char):08x}"
        for char in quote(text)
    )


def integer(verb: Verb, value: int) -> str | None:
    """Format an integer in a base, or as a character."""
    if verb.letter == "c":
        return chr(value) if 0 <= value <= 0x10FFFF else "\ufffd"
    if verb.letter == "q":
        return f"'{escape_char(chr(value), chr(39))}'" if 0 <= value <= 0x10FFFF else "'\ufffd'"
    if verb.letter == "U":
        character = f" '{chr(value)}'" if "#" in verb.flags and 0 <= value <= 0x10FFFF else ""
        return f"U+{value:04X}{character}"
    letter = "d" if verb.letter == "v" else verb.letter
    if letter not in INTEGERS:
        return None
    body = format(abs(value), INTEGERS[letter]).rjust(verb.precision or 0, "0")
    prefix = "0o" if letter == "O" else PREFIXES.get(letter, "") if "#" in verb.flags else ""
    return add_sign(verb, value < 0, prefix + body)


def decimal(verb: Verb, value: float) -> str | None:
    """Format a floating point number."""
    if verb.letter not in FLOATS:
        return None
    found = floats.verb(abs(value), verb.letter, verb.precision)
    return add_sign(verb, floats.sign(value) == "-", found.removeprefix("+"))


def add_sign(verb: Verb, negative: bool, body: str) -> str:
    """Add the sign, and zeros up to the width if the verb asks for them."""
    mark = (
        "-"
        if negative
        else "+"
        if "+" in verb.flags and verb.letter != "v"
        else " "
        if " " in verb.flags
        else ""
    )
    zeros = "0" in verb.flags and "-" not in verb.flags and verb.width is not None
    return mark + (body.rjust((verb.width or 0) - len(mark), "0") if zeros else body)


def pad(verb: Verb, text: str) -> str:
    """Pad the text to the verb's width."""
    if verb.width is None:
        return text
    if "-" in verb.flags:
        return text.ljust(verb.width)
    return text.rjust(verb.width, "0" if "0" in verb.flags else " ")
