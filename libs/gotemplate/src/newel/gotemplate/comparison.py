"""``eq``, ``lt`` and the other comparisons: only values of the same basic kind compare."""

import datetime as dt
from typing import Any

from newel.gotemplate.errors import CallError
from newel.gotemplate.literals import octets
from newel.gotemplate.values import MISSING, Record, is_integer, is_nil, kind_name, type_name


def basic_kind(value: Any) -> str:
    """Return the kind that decides which values compare; empty for those that do not."""
    if isinstance(value, bool):
        return "bool"
    if is_integer(value) or isinstance(value, dt.timedelta):
        return "int"
    if isinstance(value, float):
        return "float"
    return "string" if isinstance(value, str) else ""


def equal(first: Any, *others: Any) -> bool:
    """Tell whether the first equals any of the others."""
    if not others:
        raise CallError("missing argument for comparison")
    return any(same(first, other) for other in others)


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are equal. Raises CallError where Go does not compare them."""
    kind = basic_kind(one)
    if kind != basic_kind(other):
        if one in (None, MISSING) or other in (None, MISSING):
            return False
        raise CallError(
            f"incompatible types for comparison: {type_name(one)} and {type_name(other)}"
        )
    if kind:
        return one == other
    if is_nil(one) or is_nil(other):
        return is_nil(one) == is_nil(other)
    if kind_name(one) != kind_name(other):
        raise CallError(f"non-comparable types {type_name(one)} and {type_name(other)}")
    if not isinstance(other, dt.datetime | Record):
        raise CallError(f"non-comparable type {type_name(other)}")
    return one == other


def less(one: Any, other: Any) -> bool:
    """Tell whether the first is smaller."""
    kinds = basic_kind(one), basic_kind(other)
    if "" in kinds:
        raise CallError("invalid type for comparison")
    if kinds[0] != kinds[1]:
        raise CallError(
            f"incompatible types for comparison: {type_name(one)} and {type_name(other)}"
        )
    if kinds[0] == "bool":
        raise CallError("invalid type for comparison")
    return octets(one) < octets(other) if kinds[0] == "string" else one < other


def less_or_equal(one: Any, other: Any) -> bool:
    """Tell whether the first is smaller or equal."""
    return less(one, other) or same(one, other)
