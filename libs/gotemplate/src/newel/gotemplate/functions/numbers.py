"""Arithmetic on int64, which wraps, and on floats by way of decimals."""

import math
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

from newel.gotemplate.budget import Budget
from newel.gotemplate.calls import Functions, declare
from newel.gotemplate.errors import CallError
from newel.gotemplate.functions.conversion import decimal, int64, text, whole
from newel.gotemplate.values import Int64, Slice

PRECISE = Context(prec=40)


def atoi(value: str) -> int:
    """Parse a decimal numeral, to the nearest int64; 0 for anything else."""
    digits = value[1:] if value[:1] in {"+", "-"} else value
    if not (digits.isascii() and digits.isdigit()):
        return 0
    size = min(int(digits.lstrip("0")[:20] or "0"), 1 << 63)
    return -size if value[0] == "-" else min(size, (1 << 63) - 1)


def quotient(one: Any, other: Any) -> Int64:
    """Divide, rounding towards zero."""
    return int64(divide(whole(one), whole(other))[0])


def remainder(one: Any, other: Any) -> Int64:
    """Return the remainder of division towards zero."""
    return int64(divide(whole(one), whole(other))[1])


def divide(one: int, other: int) -> tuple[int, int]:
    """Return quotient and remainder; the remainder has the dividend's sign."""
    if other == 0:
        raise CallError("runtime error: integer divide by zero")
    size, rest = divmod(abs(one), abs(other))
    return (size if (one < 0) == (other < 0) else -size), (-rest if one < 0 else rest)


def product(first: Any, *others: Any) -> Int64:
    """Multiply all values."""
    found = int64(whole(first))
    for each in others:
        found = int64(found * whole(each))
    return found


def total(*values: Any) -> Int64:
    """Add all values."""
    return int64(sum(map(whole, values)))


def largest(*values: Any) -> Int64:
    """Return the largest integer."""
    return int64(max(map(whole, values)))


def smallest(*values: Any) -> Int64:
    """Return the smallest integer."""
    return int64(min(map(whole, values)))


def largest_decimal(*values: Any) -> float:
    """Return the largest number."""
    return max(map(decimal, values))


def smallest_decimal(*values: Any) -> float:
    """Return the smallest number."""
    return min(map(decimal, values))


def by_decimals(operation: Callable[[Decimal, Decimal], Decimal]) -> Callable[..., float]:
    """Return a function of floats that computes with their decimal notation."""

    def function(first: Any, *others: Any) -> float:
        found = Decimal(repr(decimal(first)))
        for each in others:
            found = operation(found, Decimal(repr(decimal(each))))
        return float(found)

    return function


def add_decimals(*values: Any) -> float:
    """Add all values as decimals."""
    return by_decimals(PRECISE.add)(0.0, *values)


def ratio(one: Decimal, other: Decimal) -> Decimal:
    """Divide decimals. Raises CallError for division by zero."""
    if other == 0:
        raise CallError("decimal division by 0")
    return PRECISE.divide(one, other)


def round_decimal(value: Any, places: int, *threshold: float) -> float:
    """Round to ``places`` digits, up from the threshold (0.5) on."""
    power = 10.0**places
    digit = power * decimal(value)
    fraction = math.modf(digit)[0]
    limit = threshold[0] if threshold else 0.5
    return (math.ceil(digit) if fraction >= limit else math.floor(digit)) / power


def steps(budget: Budget, start: int, stop: int, step: int) -> Slice:
    """Return the integers from ``start`` to before ``stop``."""
    if step == 0 or (stop < start) != (step < 0):
        return Slice((), "[]int")
    found = range(start, stop, step)
    budget.allocate(len(found))
    return Slice(found, "[]int")


def until(budget: Budget, count: int) -> Slice:
    """Return the integers from zero to before the count, which may be negative."""
    return steps(budget, 0, count, -1 if count < 0 else 1)


def sequence(budget: Budget, *bounds: int) -> str:
    """Return integers as text like seq(1): end, start and end, or start, step and end."""
    if not 1 <= len(bounds) <= 3:
        return ""
    start, end = (1, bounds[0]) if len(bounds) == 1 else (bounds[0], bounds[-1])
    direction = -1 if end < start else 1
    step = bounds[1] if len(bounds) == 3 else direction
    if len(bounds) == 3 and end < start and step > 0:
        return ""
    found = steps(budget, start, end + direction, step)
    budget.allocate(20 * len(found))
    return " ".join(map(str, found))


def from_octal(budget: Budget, value: Any) -> Int64:
    """Parse a numeral in base eight; 0 for anything else."""
    digits = text(budget, value)
    try:
        return int64(int(digits, 8)) if len(digits) < 22 else Int64(0)
    except ValueError:
        return Int64(0)


def random_integer(budget: Budget, low: int, high: int) -> int:
    """Return an unpredictable integer from ``low`` to before ``high``."""
    if high <= low:
        raise CallError("invalid argument to Intn")
    return low + int.from_bytes(budget.random(16)) % (high - low)


FUNCTIONS: Functions = {
    "atoi": declare("string", atoi),
    "int": declare("any", lambda value: int(int64(whole(value)))),
    "int64": declare("any", lambda value: int64(whole(value))),
    "float64": declare("any", decimal),
    "toDecimal": declare("any", from_octal, bounded=True),
    "add1": declare("any", lambda value: int64(whole(value) + 1)),
    "add": declare("...any", total),
    "sub": declare("any any", lambda one, other: int64(whole(one) - whole(other))),
    "div": declare("any any", quotient),
    "mod": declare("any any", remainder),
    "mul": declare("any ...any", product),
    "add1f": declare("any", lambda value: add_decimals(value, 1)),
    "addf": declare("...any", add_decimals),
    "subf": declare("any ...any", by_decimals(PRECISE.subtract)),
    "mulf": declare("any ...any", by_decimals(PRECISE.multiply)),
    "divf": declare("any ...any", by_decimals(ratio)),
    "max": declare("any ...any", largest),
    "biggest": declare("any ...any", largest),
    "min": declare("any ...any", smallest),
    "maxf": declare("any ...any", largest_decimal),
    "minf": declare("any ...any", smallest_decimal),
    "ceil": declare("any", lambda value: float(math.ceil(decimal(value)))),
    "floor": declare("any", lambda value: float(math.floor(decimal(value)))),
    "round": declare("any int ...float64", round_decimal),
    "until": declare("int", until, bounded=True),
    "untilStep": declare("int int int", steps, bounded=True),
    "seq": declare("...int", sequence, bounded=True),
    "randInt": declare("int int", random_integer, bounded=True),
}
