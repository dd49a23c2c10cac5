"""Pipelines and operands of a tree, evaluated as Go does."""

from collections.abc import Callable, Mapping
from typing import Any

from newel.gotemplate.budget import Budget
from newel.gotemplate.calls import (
    ANY,
    VALUE,
    Function,
    Functions,
    UnfitError,
    convert_argument,
    convert_literal,
    ideal_constant,
)
from newel.gotemplate.errors import CallError, ExecutionError, FailedError
from newel.gotemplate.literals import octets, quote
from newel.gotemplate.methods import method
from newel.gotemplate.nodes import (
    ChainNode,
    CommandNode,
    DotNode,
    FieldNode,
    IdentifierNode,
    NilNode,
    Node,
    Operand,
    PipeNode,
    VariableNode,
)
from newel.gotemplate.values import MISSING, STRING_MAP_TYPE, Record, is_true, type_name

ABSENT = object()
"""There is no piped argument; a missing value is one."""


class Evaluator:
    """The operands of one execution; ``variables`` is its stack, the innermost last."""

    def __init__(self, name: str, text: str, functions: Functions, budget: Budget) -> None:
        self.name = name
        self.template = name
        self.text = text
        self.functions = functions
        self.budget = budget
        self.node: Node | None = None
        self.variables: list[tuple[str, Any]] = []

    def fault(self, message: str, failure: str | None = None) -> ExecutionError:
        """Return the error that stops the execution at the current node."""
        if self.node is None:
            return ExecutionError(f"template: {self.template}: {message}", failure)
        before = self.text[: self.node.place]
        column = len(octets(before[before.rfind("\n") + 1 :]))
        place = f"{self.name}:{before.count(chr(10)) + 1}:{column}"
        context = f"executing {quote(self.template)} at <{self.node}>"
        return ExecutionError(f"template: {place}: {context}: {message}", failure)

    def pipeline(self, dot: Any, pipe: PipeNode | None) -> Any:
        """Return the value of the last command and assign it to the pipeline's variables."""
        if pipe is None:
            return MISSING
        self.budget.descend()
        self.node = pipe
        value: Any = ABSENT
        for command in pipe.commands:
            value = self.command(dot, command, value)
            if value is None:
                value = MISSING
        for variable in pipe.variables:
            if pipe.assigns:
                self.assign(variable.name, value)
            else:
                self.variables.append((variable.name, value))
        self.budget.ascend()
        return value

    def assign(self, name: str, value: Any) -> None:
        """Assign to the innermost variable of this name."""
        for place in range(len(self.variables) - 1, -1, -1):
            if self.variables[place][0] == name:
                self.variables[place] = (name, value)
                return
        raise self.fault(f"undefined variable: {name}")

    def value_of(self, name: str) -> Any:
        """Return the innermost variable's value."""
        for known, value in reversed(self.variables):
            if known == name:
                return value
        raise self.fault(f"undefined variable: {name}")

    def command(self, dot: Any, command: CommandNode, piped: Any) -> Any:
        """Evaluate a call, a field or a single value."""
        self.budget.step()
        first = command.operands[0]
        if isinstance(first, IdentifierNode):
            return self.function(dot, first, command, command.operands[1:], piped)
        if isinstance(first, FieldNode | ChainNode | VariableNode):
            return self.chain(dot, first, command.operands[1:], piped)
        if not isinstance(first, PipeNode):
            self.node = first
        self.reject_arguments(first, command.operands[1:], piped)
        if isinstance(first, PipeNode):
            return self.pipeline(dot, first)
        if isinstance(first, DotNode):
            return dot
        if isinstance(first, NilNode):
            raise self.fault("nil is not a command")
        return self.convert(lambda: ideal_constant(first))

    def reject_arguments(self, first: Operand, arguments: tuple[Operand, ...], piped: Any) -> None:
        """Refuse arguments to something that is not a function."""
        if arguments or piped is not ABSENT:
            raise self.fault(f"can't give argument to non-function {first}")

    def convert(self, find: Callable[[], Any]) -> Any:
        """Return what ``find`` returns; an UnfitError becomes a fault at the current node."""
        try:
            return find()
        except UnfitError as error:
            raise self.fault(str(error)) from None

    def chain(
        self,
        dot: Any,
        node: FieldNode | ChainNode | VariableNode,
        arguments: tuple[Operand, ...] = (),
        piped: Any = ABSENT,
    ) -> Any:
        """Evaluate ``.a.b``, ``$x.a.b`` or ``(…).a.b``; the last name may be a method with arguments."""
        self.node = node
        if isinstance(node, FieldNode):
            value, names = dot, node.names
        elif isinstance(node, VariableNode):
            value, names = self.value_of(node.name), node.fields
            if not names:
                self.reject_arguments(node, arguments, piped)
                return value
        else:
            if isinstance(node.term, NilNode):
                raise self.fault(f"indirection through explicit nil in {node}")
            value, names = self.argument(dot, node.term, ANY), node.names
        boxed = False
        for name in names[:-1]:
            container = value
            value = self.field(dot, node, name, value, boxed=boxed)
            boxed = isinstance(container, dict) and type_name(container) != STRING_MAP_TYPE
        return self.field(dot, node, names[-1], value, arguments, piped, boxed=boxed)

    def field(
        self,
        dot: Any,
        node: Node,
        name: str,
        value: Any,
        arguments: tuple[Operand, ...] = (),
        piped: Any = ABSENT,
        *,
        boxed: bool = False,
    ) -> Any:
        """Return a field, key or method result; ``boxed`` values come out of a map, which hides their type."""
        self.budget.step()
        if value is MISSING:
            return MISSING
        if value is None:
            raise self.fault(f"nil pointer evaluating {ANY}.{name}")
        found = method(value, name)
        if found is not None:
            return self.call(dot, found, node, name, arguments, piped)
        has_arguments = bool(arguments) or piped is not ABSENT
        if isinstance(value, dict):
            if has_arguments:
                raise self.fault(f"{name} is not a method but has arguments")
            known: Mapping[str, Any] = value
            # a missing element is the zero value of the map's type
            return known.get(name, "" if type_name(value) == STRING_MAP_TYPE else MISSING)
        if isinstance(value, Record) and name in value.fields:
            if has_arguments:
                raise self.fault(f"{name} has arguments but cannot be invoked as function")
            return value.fields[name]
        found_type = ANY if boxed else type_name(value)
        raise self.fault(f"can't evaluate field {name} in type {found_type}")

    def function(
        self,
        dot: Any,
        word: IdentifierNode,
        node: Node,
        arguments: tuple[Operand, ...] = (),
        piped: Any = ABSENT,
    ) -> Any:
        """Call a function by name."""
        self.node = word
        function = self.functions.get(word.name)
        if function is None:
            raise self.fault(f"{quote(word.name)} is not a defined function")
        return self.call(dot, function, node, word.name, arguments, piped)

    def call(
        self,
        dot: Any,
        function: Function,
        node: Node,
        name: str,
        arguments: tuple[Operand, ...],
        piped: Any,
    ) -> Any:
        """Check, evaluate and pass the arguments."""
        given = len(arguments) + (piped is not ABSENT)
        fault = function.arity_fault(name, len(arguments), given)
        if fault:
            raise self.fault(fault)
        if name in {"and", "or"}:
            return self.short_circuit(dot, name, arguments, piped)
        values = [
            self.argument(dot, each, function.parameter(place))
            for place, each in enumerate(arguments)
        ]
        if piped is not ABSENT:
            values.append(
                self.convert(lambda: convert_argument(piped, function.parameter(len(arguments))))
            )
        return self.invoke_function(function, node, name, values)

    def invoke_function(self, function: Function, node: Node, name: str, values: list[Any]) -> Any:
        """Call the function; its errors become faults that name the position."""
        before = (self.budget,) if function.bounded else ()
        failure = None
        try:
            found = function.call(*before, *values)
        except FailedError as error:
            message = failure = str(error)
        except CallError as error:
            message = str(error)
        except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
            message = f"{type(error).__name__}: {error}"
        else:
            if isinstance(found, str | bytes | list | dict):
                self.budget.allocate(len(found))
            return found
        self.node = node
        raise self.fault(f"error calling {name}: {message}", failure)

    def short_circuit(self, dot: Any, name: str, arguments: tuple[Operand, ...], piped: Any) -> Any:
        """Return the first argument that decides ``and`` or ``or``, else the last."""
        value: Any = None
        for each in arguments:
            value = self.argument(dot, each, VALUE)
            if is_true(value) is (name == "or"):
                return value
        return value if piped is ABSENT else self.convert(lambda: convert_argument(piped, VALUE))

    def argument(self, dot: Any, operand: Operand, wanted: str) -> Any:
        """Return the operand's value as an argument of this type."""
        self.node = operand
        self.budget.step()
        if isinstance(operand, NilNode):
            if wanted not in {ANY, VALUE} and not wanted.startswith(("[]", "map[", "*")):
                raise self.fault(f"cannot assign nil to {wanted}")
            return None
        if isinstance(operand, DotNode):
            value = dot
        elif isinstance(operand, FieldNode | VariableNode | ChainNode):
            value = self.chain(dot, operand)
        elif isinstance(operand, PipeNode):
            value = self.pipeline(dot, operand)
        elif isinstance(operand, IdentifierNode):
            value = self.function(dot, operand, operand)
        else:
            return self.convert(lambda: convert_literal(operand, wanted))
        return self.convert(lambda: convert_argument(value, wanted))
