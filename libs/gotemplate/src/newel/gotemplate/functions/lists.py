"""Functions on lists. Each ``must…`` variant is the same function: both report errors."""

from typing import Any

from newel.gotemplate.budget import Budget
from newel.gotemplate.calls import Function, Functions, declare
from newel.gotemplate.errors import CallError
from newel.gotemplate.functions.conversion import is_empty, items, text, texts, whole
from newel.gotemplate.functions.equality import among
from newel.gotemplate.literals import octets
from newel.gotemplate.values import Slice, kind_name


def list_of(*values: Any) -> list[Any]:
    """Return the values as a list."""
    return list(values)


def append(values: Any, value: Any) -> list[Any]:
    """Return the list with a value added at its end."""
    return [*items(values, "push on"), value]


def prepend(values: Any, value: Any) -> list[Any]:
    """Return the list with a value added at its start."""
    return [value, *items(values, "prepend on")]


def first(values: Any) -> Any:
    """Return the first element, nil when there is none."""
    found = items(values, "find first on")
    return found[0] if found else None


def last(values: Any) -> Any:
    """Return the last element, nil when there is none."""
    found = items(values, "find last on")
    return found[-1] if found else None


def rest(values: Any) -> list[Any]:
    """Return all but the first element; nil for an empty list."""
    found = items(values, "find rest on")
    return found[1:] if found else Slice((), "[]interface {}", nil=True)


def initial(values: Any) -> list[Any]:
    """Return all but the last element; nil for an empty list."""
    found = items(values, "find initial on")
    return found[:-1] if found else Slice((), "[]interface {}", nil=True)


def reverse(values: Any) -> list[Any]:
    """Return the elements in reverse order."""
    return items(values, "find reverse on")[::-1]


def compact(values: Any) -> list[Any]:
    """Return the elements that are not empty."""
    return [each for each in items(values, "compact on") if not is_empty(each)]


def unique(budget: Budget, values: Any) -> list[Any]:
    """Return each distinct element once."""
    found: list[Any] = []
    for each in items(values, "find uniq on"):
        if not among(budget, found, each):
            found.append(each)
    return found


def without(budget: Budget, values: Any, *unwanted: Any) -> list[Any]:
    """Return the elements that are none of the unwanted."""
    return [
        each for each in items(values, "find without on") if not among(budget, list(unwanted), each)
    ]


def has(budget: Budget, wanted: Any, values: Any) -> bool:
    """Tell whether the list has the value."""
    return values is not None and among(budget, items(values, "find has on"), wanted)


def slice_list(values: Any, *bounds: Any) -> Any:
    """Return the elements from one index to before another."""
    if not isinstance(values, list | bytes):
        raise CallError(f"list should be type of slice or array but {kind_name(values)}")
    if not values:
        return None
    start = whole(bounds[0]) if bounds else 0
    end = whole(bounds[1]) if len(bounds) > 1 else len(values)
    if not 0 <= start <= end <= len(values):
        raise CallError("reflect.Value.Slice: slice index out of bounds")
    if isinstance(values, Slice):
        return Slice(values[start:end], values.go_type)
    return values[start:end]


def concat(*values: Any) -> list[Any]:
    """Return all lists as one."""
    found: list[Any] = []
    for each in values:
        if not isinstance(each, list | bytes):
            raise CallError(f"Cannot concat type {kind_name(each)} as list")
        found += each
    return found or Slice((), "[]interface {}", nil=True)


def chunk(size: int, values: Any) -> list[Any]:
    """Return lists of up to ``size`` elements each."""
    found = items(values, "chunk")
    if size <= 0:
        raise CallError("runtime error: makeslice: len out of range")
    return Slice(
        [found[place : place + size] for place in range(0, len(found), size)], "[][]interface {}"
    )


def sort_alpha(budget: Budget, values: Any) -> Slice:
    """Return the elements as text, sorted by octets."""
    if not isinstance(values, list):
        return Slice([text(budget, values)])
    return Slice(sorted(texts(budget, values), key=octets))


TWINS: dict[str, Function] = {
    "Append": declare("any any", append),
    "Push": declare("any any", append),
    "Prepend": declare("any any", prepend),
    "First": declare("any", first),
    "Last": declare("any", last),
    "Rest": declare("any", rest),
    "Initial": declare("any", initial),
    "Reverse": declare("any", reverse),
    "Compact": declare("any", compact),
    "Uniq": declare("any", unique, bounded=True),
    "Without": declare("any ...any", without, bounded=True),
    "Has": declare("any any", has, bounded=True),
    "Slice": declare("any ...any", slice_list),
    "Chunk": declare("int any", chunk),
}
FUNCTIONS: Functions = {
    "list": declare("...any", list_of),
    "tuple": declare("...any", list_of),
    "concat": declare("...any", concat),
    "sortAlpha": declare("any", sort_alpha, bounded=True),
    **{name.lower(): function for name, function in TWINS.items()},
    **{f"must{name}": function for name, function in TWINS.items()},
}
