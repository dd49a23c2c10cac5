"""Conversions of arguments to text, numbers and lists."""

from collections.abc import Iterable
from typing import Any

from newel.gotemplate.budget import Budget
from newel.gotemplate.errors import CallError
from newel.gotemplate.literals import octets, parse_integer, to_text
from newel.gotemplate.printing import PLAIN, format_value
from newel.gotemplate.values import Int64, Slice, is_nil, is_true, kind_name

MODULUS, HALF = 1 << 64, 1 << 63


def text(budget: Budget, value: Any) -> str:
    """Convert to text: octets are decoded, other values printed."""
    if isinstance(value, str):
        return value
    return to_text(value) if isinstance(value, bytes) else format_value(budget, PLAIN, value)


def texts(budget: Budget, value: Any) -> Slice:
    """Convert a list's elements other than nil to text; any other value becomes a list of one."""
    if is_nil(value):
        return Slice()
    each: Iterable[Any] = value if isinstance(value, list) else [value]
    return Slice([text(budget, part) for part in each if part is not None])


def int64(value: int) -> Int64:
    """Reduce a number to 64 bits, as Go's arithmetic wraps."""
    return Int64((value + HALF) % MODULUS - HALF)


def whole(value: Any) -> int:
    """Convert to an integer; 0 for a value that is not a number."""
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, float):
        return int(value) if abs(value) < HALF else -HALF
    if isinstance(value, str):
        head, _, zeros = value.partition(".")
        found = parse_integer(head if not zeros.strip("0") else value)
        return found if found is not None and -HALF <= found < HALF else 0
    return 0


def decimal(value: Any) -> float:
    """Convert to a floating point number; 0 for a value that is not a number."""
    if isinstance(value, bool | int | float):
        return float(value)
    try:
        return float(value) if isinstance(value, str) and value.strip() == value else 0.0
    except ValueError:
        return 0.0


def items(value: Any, verb: str) -> list[Any]:
    """Return the elements of a list. Raises CallError that names the verb."""
    if isinstance(value, list | bytes):
        return list(value)
    if value is None:
        raise CallError("runtime error: invalid memory address or nil pointer dereference")
    raise CallError(f"Cannot {verb} type {kind_name(value)}")


def is_empty(value: Any) -> bool:
    """Tell whether the value is the zero of its type."""
    return not is_true(value)


def length(value: str) -> int:
    """Return the number of a string's octets."""
    return len(octets(value))
