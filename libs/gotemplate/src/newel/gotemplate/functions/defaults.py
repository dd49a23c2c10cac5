"""Functions that choose between values, tell their types or stop the template."""

from typing import Any, NoReturn

from newel.gotemplate.calls import Functions, declare
from newel.gotemplate.errors import FailedError
from newel.gotemplate.functions.conversion import is_empty
from newel.gotemplate.functions.equality import same
from newel.gotemplate.values import kind_name, type_name


def default(fallback: Any, *given: Any) -> Any:
    """Return the given value, or the fallback when it is empty."""
    return fallback if not given or is_empty(given[0]) else given[0]


def coalesce(*values: Any) -> Any:
    """Return the first value that is not empty."""
    return next((each for each in values if not is_empty(each)), None)


def every(*values: Any) -> bool:
    """Tell whether no value is empty."""
    return not any(map(is_empty, values))


def some(*values: Any) -> bool:
    """Tell whether any value is not empty."""
    return not all(map(is_empty, values))


def ternary(one: Any, other: Any, condition: bool) -> Any:  # the language's order
    """Return the first value if the condition holds, else the second."""
    return one if condition else other


def fail(message: str) -> NoReturn:
    """Stop the template with its own message."""
    raise FailedError(message)


def is_like(name: str, value: Any) -> bool:
    """Tell whether the value is of the type or a pointer to it."""
    return type_name(value) in {name, f"*{name}"}


FUNCTIONS: Functions = {
    "default": declare("any ...any", default),
    "empty": declare("any", is_empty),
    "coalesce": declare("...any", coalesce),
    "all": declare("...any", every),
    "any": declare("...any", some),
    "ternary": declare("any any bool", ternary),
    "fail": declare("string", fail),
    "typeOf": declare("any", type_name),
    "typeIs": declare("string any", lambda name, value: type_name(value) == name),
    "typeIsLike": declare("string any", is_like),
    "kindOf": declare("any", kind_name),
    "kindIs": declare("string any", lambda name, value: kind_name(value) == name),
    "deepEqual": declare("any any", same, bounded=True),
}
