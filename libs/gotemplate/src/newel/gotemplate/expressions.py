"""The syntax inside an action: pipelines of commands of operands."""

from collections import deque
from collections.abc import Container
from typing import NoReturn

from newel.gotemplate.lexer import Kind, Token, tokens
from newel.gotemplate.literals import Number, parse_character, parse_number, quote, unquote
from newel.gotemplate.nodes import (
    BoolNode,
    ChainNode,
    CommandNode,
    DotNode,
    FieldNode,
    IdentifierNode,
    NilNode,
    NumberNode,
    Operand,
    PipeNode,
    StringNode,
    VariableNode,
)
from newel.gotemplate.refused_functions import REFUSED

MAX_PARENTHESES = 60
STARTS = frozenset(
    {
        Kind.BOOL,
        Kind.CHARACTER,
        Kind.DOT,
        Kind.FIELD,
        Kind.IDENTIFIER,
        Kind.NUMBER,
        Kind.STRING,
        Kind.VARIABLE,
        Kind.OPEN,
    }
)


class UnparsableError(Exception):
    """A syntax error; `parse` adds the line."""


class ActionParser:
    """A parser of actions over the remaining tokens."""

    def __init__(self, name: str, text: str, functions: Container[str]) -> None:
        self.name = name
        self.source = tokens(text)
        self.waiting: deque[Token] = deque()
        self.furthest = Token(Kind.EOF, "", 0, 1)
        self.functions = functions
        self.variables = ["$"]
        self.parentheses = 0
        self.action_line = 0

    def next(self) -> Token:
        """Take the next token."""
        if self.waiting:
            return self.waiting.popleft()
        self.furthest = next(self.source, self.furthest)
        return self.furthest

    def back(self, *taken: Token) -> None:
        """Put tokens back, the first in front."""
        self.waiting.extendleft(reversed(taken))

    def peek(self) -> Token:
        """Return the next token without taking it."""
        token = self.next()
        self.back(token)
        return token

    def next_word(self) -> Token:
        """Take the next token that is not a space."""
        token = self.next()
        while token.kind is Kind.SPACE:
            token = self.next()
        return token

    def peek_word(self) -> Token:
        """Return the next token that is not a space without taking it."""
        token = self.next_word()
        self.back(token)
        return token

    def expect(self, kind: Kind, context: str) -> None:
        """Take a token that has to be of this kind."""
        token = self.next_word()
        if token.kind is not kind:
            self.reject(token, context)

    def reject(self, token: Token, context: str) -> NoReturn:
        """Raise UnparsableError for an unexpected token."""
        if token.kind is not Kind.ERROR:
            raise UnparsableError(f"unexpected {token} in {context}")
        place = ""
        if self.action_line not in {0, token.line}:
            word = "" if token.value.endswith(" action") else " in action"
            place = f"{word} started at {self.name}:{self.action_line}"
        raise UnparsableError(f"{token}{place}")

    def pipeline(self, context: str, end: Kind) -> PipeNode:
        """Parse commands up to ``end``, with the variables they are assigned to."""
        place = self.peek_word().place
        variables, assigns = self.declarations(context)
        commands: list[CommandNode] = []
        while (token := self.next_word()).kind is not end:
            if token.kind not in STARTS and (token.kind, token.value) != (Kind.KEYWORD, "nil"):
                self.reject(token, context)
            self.back(token)
            commands.append(self.command())
        if not commands:
            raise UnparsableError(f"missing value for {context}")
        for stage, command in enumerate(commands[1:], 2):
            if isinstance(
                command.operands[0], BoolNode | DotNode | NilNode | NumberNode | StringNode
            ):
                raise UnparsableError(f"non executable command in pipeline stage {stage}")
        return PipeNode(place, tuple(commands), tuple(variables), assigns)

    def declarations(self, context: str) -> tuple[list[VariableNode], bool]:
        """Parse variables before ``:=`` or ``=``; the flag is True for ``=``."""
        found: list[VariableNode] = []
        while self.peek_word().kind is Kind.VARIABLE:
            variable = self.next_word()
            adjacent = self.peek()
            mark = self.peek_word()
            comma = (mark.kind, mark.value) == (Kind.CHAR, ",")
            if mark.kind not in {Kind.ASSIGN, Kind.DECLARE} and not comma:
                self.back(*([variable, adjacent] if adjacent.kind is Kind.SPACE else [variable]))
                break
            self.next_word()
            found.append(VariableNode(variable.place, variable.value))
            self.variables.append(variable.value)
            if not comma:
                return found, mark.kind is Kind.ASSIGN
            if context != "range" or len(found) > 1:
                raise UnparsableError(f"too many declarations in {context}")
            if self.peek_word().kind not in {Kind.VARIABLE, Kind.RIGHT, Kind.CLOSE}:
                raise UnparsableError("range can only initialize variables")
        return found, False

    def command(self) -> CommandNode:
        """Parse operands up to a pipe, which is taken, or an end, which is not."""
        place = self.peek_word().place
        operands: list[Operand] = []
        while True:
            self.back(self.next_word())
            operand = self.operand()
            if operand is not None:
                operands.append(operand)
            token = self.next()
            if token.kind is Kind.SPACE:
                continue
            if token.kind in {Kind.RIGHT, Kind.CLOSE}:
                self.back(token)
            elif token.kind is not Kind.PIPE:
                self.reject(token, "operand")
            break
        if not operands:
            raise UnparsableError("empty command")
        return CommandNode(place, tuple(operands))

    def operand(self) -> Operand | None:
        """Parse a term with its fields; None where there is no term."""
        term = self.term()
        if term is None or self.peek().kind is not Kind.FIELD:
            return term
        place = self.peek().place
        names: list[str] = []
        while self.peek().kind is Kind.FIELD:
            names.append(self.next().value[1:])
        if isinstance(term, FieldNode):
            return FieldNode(place, (*term.names, *names))
        if isinstance(term, VariableNode):
            return VariableNode(place, term.name, (*term.fields, *names))
        if isinstance(term, BoolNode | StringNode | NumberNode | NilNode | DotNode):
            raise UnparsableError(f"unexpected . after term {quote(str(term))}")
        return ChainNode(place, term, tuple(names))

    def term(self) -> Operand | None:
        """Parse one operand without fields; None where there is none."""
        token = self.next_word()
        if token.kind in {Kind.IDENTIFIER, Kind.VARIABLE}:
            return self.identifier(token)
        if token.kind is Kind.OPEN:
            return self.pipeline_in_parentheses()
        if token.kind is Kind.DOT:
            return DotNode(token.place)
        if token.kind is Kind.FIELD:
            return FieldNode(token.place, (token.value[1:],))
        return self.literal(token)

    def identifier(self, token: Token) -> IdentifierNode | VariableNode:
        """Parse a function or variable, which has to be defined."""
        if token.kind is Kind.IDENTIFIER:
            if token.value not in self.functions:
                reason = REFUSED.get(token.value)
                told = f"not available here: {reason}" if reason else "not defined"
                raise UnparsableError(f"function {quote(token.value)} {told}")
            return IdentifierNode(token.place, token.value)
        if token.value not in self.variables:
            raise UnparsableError(f"undefined variable {quote(token.value)}")
        return VariableNode(token.place, token.value)

    def literal(self, token: Token) -> Operand | None:
        """Parse a constant; any other token is put back."""
        if token.kind is Kind.BOOL:
            return BoolNode(token.place, token.value == "true")
        if (token.kind, token.value) == (Kind.KEYWORD, "nil"):
            return NilNode(token.place)
        try:
            if token.kind is Kind.STRING:
                return StringNode(token.place, token.value, unquote(token.value))
            if token.kind is Kind.NUMBER:
                return NumberNode(token.place, token.value, parse_number(token.value))
            if token.kind is Kind.CHARACTER:
                point = parse_character(token.value)
                return NumberNode(token.place, token.value, Number(point, float(point)))
        except ValueError as error:
            raise UnparsableError(str(error)) from None
        self.back(token)
        return None

    def pipeline_in_parentheses(self) -> PipeNode:
        """Parse a pipeline in parentheses."""
        if self.parentheses >= MAX_PARENTHESES:
            raise UnparsableError("max expression depth exceeded")
        self.parentheses += 1
        pipe = self.pipeline("parenthesized pipeline", Kind.CLOSE)
        self.parentheses -= 1
        return pipe
