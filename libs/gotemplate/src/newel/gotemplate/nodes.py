"""The tree of a template. Every node knows its position and its source form, for messages."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from newel.gotemplate.literals import Number, quote


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a template; ``place`` is its first character."""

    place: int


@dataclass(frozen=True, slots=True)
class BoolNode(Node):
    """A constant ``true`` or ``false``."""

    value: bool

    def __str__(self) -> str:
        return "true" if self.value else "false"


@dataclass(frozen=True, slots=True)
class DotNode(Node):
    """The cursor, ``.``."""

    def __str__(self) -> str:
        return "."


@dataclass(frozen=True, slots=True)
class NilNode(Node):
    """The constant ``nil``."""

    def __str__(self) -> str:
        return "nil"


@dataclass(frozen=True, slots=True)
class NumberNode(Node):
    """A number or a character constant."""

    text: str
    number: Number

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class StringNode(Node):
    """A string constant: its source text and its value."""

    text: str
    value: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class IdentifierNode(Node):
    """The name of a function."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class FieldNode(Node):
    """A field or chain of fields of the cursor, ``.a.b``."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class VariableNode(Node):
    """A variable, ``$x`` or ``$x.a.b``; the name includes its dollar."""

    name: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ".".join((self.name, *self.fields))


@dataclass(frozen=True, slots=True)
class ChainNode(Node):
    """Fields of a term, ``(pipeline).a.b`` or ``function.a.b``."""

    term: "Operand"
    names: tuple[str, ...]

    def __str__(self) -> str:
        term = f"({self.term})" if isinstance(self.term, PipeNode) else str(self.term)
        return term + "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class CommandNode(Node):
    """A function, field or value and its arguments."""

    operands: "tuple[Operand, ...]"

    def __str__(self) -> str:
        return " ".join(
            f"({each})" if isinstance(each, PipeNode) else str(each) for each in self.operands
        )


@dataclass(frozen=True, slots=True)
class PipeNode(Node):
    """A pipeline: each command gets the value of the one before; the variables get the last."""

    commands: tuple[CommandNode, ...]
    variables: tuple[VariableNode, ...] = ()
    assigns: bool = False

    def __str__(self) -> str:
        head = ", ".join(str(each) for each in self.variables)
        mark = (" = " if self.assigns else " := ") if self.variables else ""
        return head + mark + " | ".join(str(each) for each in self.commands)


Operand = (
    BoolNode
    | DotNode
    | NilNode
    | NumberNode
    | StringNode
    | IdentifierNode
    | FieldNode
    | VariableNode
    | ChainNode
    | PipeNode
)


@dataclass(frozen=True, slots=True)
class TextNode(Node):
    """Plain text outside actions."""

    value: str


@dataclass(frozen=True, slots=True)
class ActionNode(Node):
    """An action that prints its pipeline's value."""

    pipe: PipeNode

    def __str__(self) -> str:
        return f"{{{{{self.pipe}}}}}"


@dataclass(frozen=True, slots=True)
class BranchNode(Node):
    """An ``if``, ``with`` or ``range``; ``otherwise`` is None without an ``else``."""

    keyword: str
    pipe: PipeNode
    body: "Block"
    otherwise: "Block | None"

    def __str__(self) -> str:
        return f"{{{{{self.keyword} {self.pipe}}}}}"


@dataclass(frozen=True, slots=True)
class LoopControlNode(Node):
    """A ``break`` or ``continue``."""

    keyword: str

    def __str__(self) -> str:
        return f"{{{{{self.keyword}}}}}"


@dataclass(frozen=True, slots=True)
class TemplateNode(Node):
    """An action ``{{template "name" pipeline}}``."""

    name: str
    pipe: PipeNode | None

    def __str__(self) -> str:
        argument = f" {self.pipe}" if self.pipe else ""
        return f"{{{{template {quote(self.name)}{argument}}}}}"


Statement = TextNode | ActionNode | BranchNode | LoopControlNode | TemplateNode
Block = Sequence[Statement]


def is_empty(block: Block) -> bool:
    """Tell whether a template has no content, so that another definition may replace it."""
    return all(isinstance(each, TextNode) and not each.value.strip() for each in block)


@dataclass(frozen=True)
class Tree:
    """A parsed text: its named templates, its own under ``name``."""

    name: str
    text: str
    templates: dict[str, Block] = field(default_factory=dict[str, Block])
