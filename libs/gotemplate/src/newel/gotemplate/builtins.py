"""The functions of the language itself."""

from typing import Any
from urllib.parse import quote_plus

from newel.gotemplate.budget import Budget
from newel.gotemplate.calls import Functions, declare
from newel.gotemplate.comparison import equal, less, less_or_equal
from newel.gotemplate.errors import CallError
from newel.gotemplate.formats import sprintf
from newel.gotemplate.literals import octets
from newel.gotemplate.printing import format_plain, sprint
from newel.gotemplate.values import MISSING, Uint8, is_integer, is_nil, is_true, type_name

HTML = {0: "\ufffd", 34: "&#34;", 39: "&#39;", 38: "&amp;", 60: "&lt;", 62: "&gt;"}
SCRIPT = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "<": "\\u003C",
    ">": "\\u003E",
    "&": "\\u0026",
    "=": "\\u003D",
}


def length(value: Any) -> int:
    """Return the number of a string's octets or a container's elements."""
    if value is None:
        raise CallError("len of nil pointer")
    if isinstance(value, str):
        return len(octets(value))
    if isinstance(value, bytes | list | dict):
        return len(value)
    raise CallError(f"len of type {type_name(value)}")


def position(index: Any, limit: int) -> int:
    """Return an index that lies within the limit, or raise CallError."""
    if index is None:
        raise CallError("cannot index slice/array with nil")
    if not is_integer(index):
        raise CallError(f"cannot index slice/array with type {type_name(index)}")
    if not 0 <= index <= limit:
        raise CallError(f"index out of range: {index}")
    return index


def element(value: Any, *keys: Any) -> Any:
    """Return ``x[1][2]`` for ``index x 1 2``."""
    if value is None:
        raise CallError("index of untyped nil")
    for key in keys:
        value = one_element(value, key)
    return value


def one_element(value: Any, key: Any) -> Any:
    """Return ``x[key]``."""
    if value is None:
        raise CallError("index of nil pointer")
    if isinstance(value, dict):
        if not isinstance(key, str):
            if key is None:
                raise CallError("value is nil; should be of type string")
            raise CallError(f"value has type {type_name(key)}; should be string")
        return value.get(key)
    if not isinstance(value, str | bytes | list):
        raise CallError(f"can't index item of type {type_name(value)}")
    items: Any = octets(value) if isinstance(value, str) else value
    place = position(key, len(items))
    if place == len(items):
        raise CallError("reflect: slice index out of range")
    return Uint8(items[place]) if isinstance(items, bytes) else items[place]


def html(budget: Budget, *values: Any) -> str:
    """Escape text for HTML."""
    return one_text(budget, values).translate(HTML)


def javascript(budget: Budget, *values: Any) -> str:
    """Escape text for a JavaScript string."""
    found: list[str] = []
    given = one_text(budget, values)
    budget.step(len(given) >> 3)
    for char in given:
        if char in SCRIPT:
            found.append(SCRIPT[char])
        elif char < " " or not (char == " " or char.isprintable()):
            found.append(f"\\u{ord(char):04X}")
        else:
            found.append(char)
    return "".join(found)


def url_query(budget: Budget, *values: Any) -> str:
    """Escape text for a URL's query."""
    return quote_plus(octets(one_text(budget, values)), safe="~")


def one_text(budget: Budget, values: tuple[Any, ...]) -> str:
    """Return a string unchanged, any other values as they are printed."""
    if len(values) == 1:
        return format_plain(budget, values[0])
    return sprint(budget, ["<no value>" if each is None else each for each in values])


def print_values(budget: Budget, *values: Any) -> str:
    """Print the values one after the other."""
    return sprint(budget, values)


def println(budget: Budget, *values: Any) -> str:
    """Print the values separated by spaces, as a line."""
    return sprint(budget, values, line=True)


def reject_call(*_: Any) -> Any:
    """Refuse a direct call of ``and`` and ``or``, which the evaluator handles."""
    raise CallError("non-function")


def call(function: Any, *_: Any) -> Any:
    """Refuse ``call``: no template value is a function."""
    if is_nil(function) or function is MISSING:
        raise CallError("call of nil")
    raise CallError(f"non-function of type {type_name(function)}")


BUILTINS: Functions = {
    "and": declare("value ...value", reject_call),
    "or": declare("value ...value", reject_call),
    "not": declare("value", lambda value: not is_true(value)),
    "call": declare("value ...value", call),
    "len": declare("value", length),
    "index": declare("value ...value", element),
    "eq": declare("value ...value", equal),
    "ne": declare("value value", lambda one, other: not equal(one, other)),
    "lt": declare("value value", less),
    "le": declare("value value", less_or_equal),
    "gt": declare("value value", lambda one, other: not less_or_equal(one, other)),
    "ge": declare("value value", lambda one, other: not less(one, other)),
    "print": declare("...any", print_values, bounded=True),
    "println": declare("...any", println, bounded=True),
    "printf": declare("string ...any", sprintf, bounded=True),
    "html": declare("...any", html, bounded=True),
    "js": declare("...any", javascript, bounded=True),
    "urlquery": declare("...any", url_query, bounded=True),
}
