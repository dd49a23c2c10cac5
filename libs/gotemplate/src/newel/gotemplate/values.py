"""Go's values in Python's: what type each is, what counts as true, what may be missing.

A ``str`` is Go's string (octets that are not UTF-8 are surrogates), ``bytes`` its []byte, ``int``
its int, ``float`` its float64, a ``dict`` a map with string keys, a ``list`` a slice, None a nil
interface. `MISSING` is what a map gives for a key it has not. Other types have a class here.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

LIST_TYPE, MAP_TYPE = "[]interface {}", "map[string]interface {}"
STRING_MAP_TYPE = "map[string]string"


class MissingType:
    """The type of `MISSING`."""


MISSING = MissingType()


class Int64(int):
    """Go's int64."""

    go_type = "int64"


class Uint64(int):
    """Go's uint64."""

    go_type = "uint64"


class Uint8(int):
    """Go's uint8, which is also its byte."""

    go_type = "uint8"


class NamedInteger(int):
    """An integer type whose values have names: a month, a duration, a key algorithm."""

    go_type = "int"

    def __str__(self) -> str:
        return int.__repr__(self)


class Slice(list[Any]):
    """A slice whose type is not []interface {}; ``nil`` when it was never made."""

    def __init__(self, values: Any = (), go_type: str = "[]string", *, nil: bool = False) -> None:
        super().__init__(values)
        self.go_type = go_type
        self.nil = nil


class Map(dict[str, Any]):
    """A map whose type is not map[string]interface {}."""

    def __init__(self, values: Mapping[str, Any], go_type: str) -> None:
        super().__init__(values)
        self.go_type = go_type


@dataclass(frozen=True)
class Record:
    """A struct or a pointer to one: its fields by name, and its form as JSON."""

    go_type: str
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    json: Callable[[], Any] | None = None
    """What `toJson` writes; the fields where it is None."""

    @property
    def is_pointer(self) -> bool:
        """Whether it is a pointer."""
        return self.go_type.startswith("*")


KINDS: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (float, "float64"),
    (str, "string"),
    (bytes, "slice"),
    (list, "slice"),
    (dict, "map"),
    (dt.datetime, "struct"),
    (dt.timedelta, "int64"),
)
TYPES: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (float, "float64"),
    (str, "string"),
    (bytes, "[]uint8"),
    (dt.datetime, "time.Time"),
    (dt.timedelta, "time.Duration"),
)


def type_name(value: Any) -> str:
    """Return the type as Go writes it."""
    if value is None or value is MISSING:
        return "<nil>"
    own = getattr(value, "go_type", None)
    if own is not None:
        return own
    for kind, name in TYPES:
        if isinstance(value, kind):
            return name
    if isinstance(value, int):
        return "int"
    return MAP_TYPE if isinstance(value, dict) else LIST_TYPE


def kind_name(value: Any) -> str:
    """Return the kind as Go's reflection names it."""
    if value is None or value is MISSING:
        return "invalid"
    for kind, name in KINDS:
        if isinstance(value, kind):
            return name
    if isinstance(value, Record):
        return "ptr" if value.is_pointer else "struct"
    if isinstance(value, NamedInteger):
        return "int"
    return type_name(value)


def is_nil(value: Any) -> bool:
    """Tell whether there is no value."""
    return value is None or value is MISSING or getattr(value, "nil", False)


def is_true(value: Any) -> bool:
    """Tell whether ``if`` takes the value as true: it is not the zero of its type."""
    if is_nil(value):
        return False
    if isinstance(value, Record | dt.datetime):
        return True
    return bool(value)


def is_integer(value: Any) -> bool:
    """Tell whether the value is of one of Go's integer types."""
    return isinstance(value, int) and not isinstance(value, bool)
