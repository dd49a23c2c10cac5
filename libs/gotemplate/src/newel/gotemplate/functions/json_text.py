"""JSON as Go's encoding/json writes and reads it."""

import datetime as dt
import json
import math
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from newel.gotemplate.budget import Budget
from newel.gotemplate.calls import Functions, declare
from newel.gotemplate.errors import CallError
from newel.gotemplate.floats import positional, scientific
from newel.gotemplate.time_format import LAYOUTS, format_time
from newel.gotemplate.values import MISSING, Record, is_nil

MARKS = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
SEPARATORS = {"\u2028": "\\u2028", "\u2029": "\\u2029"}
SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
CONTROL = {chr(code): f"\\u{code:04x}" for code in range(0x20)} | SHORT
PLAIN = str.maketrans(CONTROL | SEPARATORS)
SAFE = str.maketrans(CONTROL | SEPARATORS | MARKS)


class Writer:
    """A JSON writer; ``step`` is one level's indentation, None for compact text."""

    def __init__(self, budget: Budget, *, safe: bool = True, step: str | None = None) -> None:
        self.budget = budget
        self.table = SAFE if safe else PLAIN
        self.step = step

    def write(self, value: Any, margin: str = "\n") -> str:
        """Write a value, with its lines behind ``margin``."""
        self.budget.step()
        found = self.scalar(value)
        if found is None:
            self.budget.descend()
            if isinstance(value, Record):
                value = value.json() if value.json else value.fields
                found = self.write(value, margin) if self.scalar(value) is not None else None
                pairs = list(value.items()) if isinstance(value, dict) else None
            else:
                pairs = sorted(value.items()) if isinstance(value, dict) else None
            if found is None:
                found = self.container(value, pairs, margin)
            self.budget.ascend()
        self.budget.allocate(len(found))
        return found

    def container(self, value: Any, pairs: Sequence[tuple[str, Any]] | None, margin: str) -> str:
        """Write a list, or the pairs of a map or struct."""
        inner = margin + (self.step or "")
        colon = ": " if self.step is not None else ":"
        if pairs is None:
            parts, marks = [self.write(each, inner) for each in value], "[]"
        else:
            marks = "{}"
            parts = [f"{self.string(key)}{colon}{self.write(each, inner)}" for key, each in pairs]
        if not parts or self.step is None:
            return marks[0] + ",".join(parts) + marks[1]
        return f"{marks[0]}{inner}{f',{inner}'.join(parts)}{margin}{marks[1]}"

    def scalar(self, value: Any) -> str | None:
        """Write a value without parts; None for containers."""
        if is_nil(value) or value is MISSING:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return self.string(value)
        if isinstance(value, int):
            return int.__repr__(value)
        if isinstance(value, float):
            return number(value)
        return self.quote_scalar(value)

    def quote_scalar(self, value: Any) -> str | None:
        """Write a value that is a string in JSON only."""
        if isinstance(value, bytes):
            return f'"{b64encode(value).decode()}"'
        if isinstance(value, dt.datetime):
            return f'"{format_time(value, LAYOUTS["RFC3339NANO"])}"'
        if isinstance(value, dt.timedelta):
            return str(value // dt.timedelta(microseconds=1) * 1000)
        return None

    def string(self, value: str) -> str:
        """Write a string; octets that are not UTF-8 are replaced."""
        clean = value.translate(self.table)
        return f'"{clean.encode("utf-8", "replace").decode() if not clean.isascii() else clean}"'


def number(value: float) -> str:
    """Format a floating point number as encoding/json does (ECMAScript's rules)."""
    if not math.isfinite(value):
        raise CallError(f"json: unsupported value: {value}")
    if value != 0 and not 1e-6 <= abs(value) < 1e21:
        found = scientific(value)
        return found.replace("e-0", "e-")
    return positional(value)


def parse_json(text: str) -> Any:
    """Parse JSON with all numbers as floats. Raises CallError for invalid JSON."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    def finite(digits: str) -> float:
        found = float(digits)
        if not math.isfinite(found):
            raise ValueError(digits)
        return found

    try:
        return json.loads(text, parse_int=finite, parse_float=finite, parse_constant=refuse)
    except ValueError as error:
        raise CallError(f"invalid JSON: {error}") from None


def from_json(text: str) -> Any:
    """Parse JSON; nil for invalid JSON."""
    try:
        return parse_json(text)
    except CallError:
        return None


def to_json(budget: Budget, value: Any) -> str:
    """Write compact JSON with HTML's special characters escaped."""
    return Writer(budget).write(value)


def to_raw_json(budget: Budget, value: Any) -> str:
    """Write compact JSON without escaping HTML's special characters."""
    return Writer(budget, safe=False).write(value)


def to_pretty_json(budget: Budget, value: Any) -> str:
    """Write indented JSON."""
    return Writer(budget, step="  ").write(value)


FUNCTIONS: Functions = {
    "toJson": declare("any", to_json, bounded=True),
    "mustToJson": declare("any", to_json, bounded=True),
    "toRawJson": declare("any", to_raw_json, bounded=True),
    "mustToRawJson": declare("any", to_raw_json, bounded=True),
    "toPrettyJson": declare("any", to_pretty_json, bounded=True),
    "mustToPrettyJson": declare("any", to_pretty_json, bounded=True),
    "fromJson": declare("string", from_json),
    "mustFromJson": declare("string", parse_json),
}
