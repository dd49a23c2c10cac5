"""Floating point numbers as Go's strconv writes them."""

import math
from decimal import Decimal


def digits(value: float) -> tuple[str, int]:
    """Return the shortest digits that read back as the value, and the exponent of the first."""
    _, found, exponent = Decimal(repr(abs(value))).as_tuple()
    text = "".join(map(str, found)).lstrip("0")
    stripped = text.rstrip("0")
    if not stripped:
        return "0", 0
    return stripped, int(exponent) + len(text) - 1


def special(value: float) -> str | None:
    """Return the text of an infinity or NaN; None for other values."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return None


def scientific(value: float) -> str:
    """Format as ``d.ddde±dd``, as short as possible."""
    found, exponent = digits(value)
    fraction = f".{found[1:]}" if len(found) > 1 else ""
    return f"{sign(value)}{found[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def positional(value: float) -> str:
    """Format without an exponent, as short as possible."""
    found, exponent = digits(value)
    if exponent < 0:
        return f"{sign(value)}0.{'0' * (-exponent - 1)}{found}"
    whole = found[: exponent + 1].ljust(exponent + 1, "0")
    fraction = found[exponent + 1 :]
    return f"{sign(value)}{whole}{'.' + fraction if fraction else ''}"


def sign(value: float) -> str:
    """Return ``-`` for negative values, including negative zero."""
    return "-" if math.copysign(1, value) < 0 else ""


def general(value: float, largest: int = 6) -> str:
    """Format as ``%v`` does: with an exponent below -4 and from ``largest`` on."""
    exponent = digits(value)[1]
    if exponent < -4 or exponent >= largest:
        return scientific(value)
    return positional(value)


def verb(value: float, letter: str, precision: int | None) -> str:
    """Format as ``%e``, ``%f`` and ``%g`` do, in upper case for their upper-case forms."""
    found = special(value)
    if found is None:
        found = finite(value, letter.lower(), precision)
    return found.upper() if letter in "EG" and special(value) is None else found


def finite(value: float, letter: str, precision: int | None) -> str:
    """Format a finite number by a lower-case verb; ``v`` is the shortest ``g``."""
    if letter == "v" or (letter == "g" and precision is None):
        return general(value)
    width = 6 if precision is None else precision
    return f"{value:.{width}{letter}}"
