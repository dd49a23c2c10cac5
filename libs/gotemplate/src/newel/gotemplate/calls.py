"""Functions and what they take: Go checks each argument against the type of its parameter."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from newel.gotemplate.nodes import BoolNode, NumberNode, Operand, StringNode
from newel.gotemplate.values import LIST_TYPE, MAP_TYPE, MISSING, is_integer, type_name

ANY = "interface {}"
VALUE = "reflect.Value"
SHORT = {"any": ANY, "value": VALUE, "map": MAP_TYPE, "list": LIST_TYPE, "time": "time.Time"}
NILABLE = ("[]", "map[", "*")


Call = (
    Callable[[], Any]
    | Callable[[Any], Any]
    | Callable[[Any, Any], Any]
    | Callable[[Any, Any, Any], Any]
    | Callable[[Any, Any, Any, Any], Any]
)


class UnfitError(Exception):
    """An argument that does not fit its parameter; the evaluator adds the position."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the template language.

    ``parameters`` are Go types; with ``variadic`` the last may come any number of times.
    ``bounded`` functions are given the budget first.
    """

    call: Callable[..., Any]
    parameters: tuple[str, ...]
    variadic: bool = False
    bounded: bool = False

    def arity_fault(self, name: str, written: int, given: int) -> str | None:
        """Describe a wrong number of arguments: ``written``, or ``given`` with a piped one."""
        wanted = len(self.parameters)
        if self.variadic and given < wanted - 1:
            return f"wrong number of args for {name}: want at least {wanted - 1} got {written}"
        if not self.variadic and given != wanted:
            return f"wrong number of args for {name}: want {wanted} got {given}"
        return None

    def parameter(self, position: int) -> str:
        """Return the Go type of the argument at ``position``."""
        return self.parameters[min(position, len(self.parameters) - 1)]


Functions = Mapping[str, Function]


def declare(parameters: str, call: Call, *, bounded: bool = False) -> Function:
    """Return a function with its Go parameter types, for example ``"string ...any"``."""
    types = [word.removeprefix("...") for word in parameters.split()]
    variadic = "..." in parameters
    return Function(call, tuple(SHORT.get(each, each) for each in types), variadic, bounded)


def convert_argument(value: Any, wanted: str) -> Any:
    """Return the value as an argument of this type. Raises UnfitError in Go's words."""
    if wanted in {ANY, VALUE}:
        return None if value is MISSING else value
    if value is None or value is MISSING:
        if wanted.startswith(NILABLE):
            return None
        if value is None:
            raise UnfitError(f"wrong type for value; expected {wanted}; got {ANY}")
        raise UnfitError(f"invalid value; expected {wanted}")
    found = type_name(value)
    if found != wanted and not (wanted == MAP_TYPE and isinstance(value, dict)):
        raise UnfitError(f"wrong type for value; expected {wanted}; got {found}")
    return value


def convert_literal(operand: Operand, wanted: str) -> Any:
    """Return a literal as an argument of this type. Raises UnfitError in Go's words."""
    if wanted in {ANY, VALUE}:
        return ideal_constant(operand)
    if wanted == "string":
        if isinstance(operand, StringNode):
            return operand.value
        raise UnfitError(f"expected string; found {operand}")
    if wanted == "bool":
        if isinstance(operand, BoolNode):
            return operand.value
        raise UnfitError(f"expected bool; found {operand}")
    if wanted in {"int", "int64"}:
        if isinstance(operand, NumberNode) and operand.number.integer is not None:
            return operand.number.integer
        raise UnfitError(f"expected integer; found {operand}")
    if wanted == "float64":
        if isinstance(operand, NumberNode) and operand.number.decimal is not None:
            return operand.number.decimal
        raise UnfitError(f"expected float; found {operand}")
    raise UnfitError(f"can't handle {operand} for arg of type {wanted}")


def ideal_constant(operand: Operand) -> Any:
    """Return a literal's value where no parameter gives it a type."""
    if isinstance(operand, BoolNode | StringNode):
        return operand.value
    if not isinstance(operand, NumberNode):
        raise UnfitError(f"can't handle assignment of {operand} to empty interface argument")
    whole, decimal = operand.number.integer, operand.number.decimal
    hexadecimal = operand.text[:2].lower() == "0x" and "p" not in operand.text.lower()
    looks_decimal = not hexadecimal and operand.text[0] != "'" and set(operand.text) & set(".eEpP")
    if looks_decimal or whole is None:
        return decimal
    if not is_integer(whole) or not -(1 << 63) <= whole < 1 << 63:
        raise UnfitError(f"{operand} overflows int")
    return whole
