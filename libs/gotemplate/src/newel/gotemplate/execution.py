"""Execution of a tree: text is copied, actions are printed, branches are taken and loops repeated."""

from collections.abc import Iterable
from typing import Any

from newel.gotemplate.budget import Budget
from newel.gotemplate.calls import Functions
from newel.gotemplate.errors import LimitError
from newel.gotemplate.evaluation import Evaluator
from newel.gotemplate.literals import quote
from newel.gotemplate.nodes import (
    ActionNode,
    Block,
    BranchNode,
    LoopControlNode,
    Statement,
    TemplateNode,
    TextNode,
    Tree,
)
from newel.gotemplate.printing import format_plain
from newel.gotemplate.values import MISSING, is_integer, is_nil, is_true


class LeaveError(Exception):
    """A ``break`` or ``continue`` on its way to the loop."""

    def __init__(self, keyword: str) -> None:
        super().__init__(keyword)
        self.keyword = keyword


def execute(tree: Tree, functions: Functions, data: Any, budget: Budget) -> str:
    """Return the text that the template produces for ``data``.

    Raises ExecutionError in Go's words, LimitError past a bound of the budget.
    """
    execution = Execution(tree, functions, budget)
    try:
        execution.start(data)
    except RecursionError:
        raise LimitError("the template nests too deeply") from None
    return "".join(execution.output)


class Execution(Evaluator):
    """One run of a template."""

    def __init__(self, tree: Tree, functions: Functions, budget: Budget) -> None:
        super().__init__(tree.name, tree.text, functions, budget)
        self.tree = tree
        self.output: list[str] = []
        self.length = 0

    def start(self, data: Any) -> None:
        """Execute the top-level template."""
        block = self.tree.templates.get(self.tree.name)
        if block is None:
            raise self.fault(f"{quote(self.tree.name)} is an incomplete or empty template")
        self.variables = [("$", data)]
        self.walk(data, block)

    def write(self, text: str) -> None:
        """Add to the output. Raises LimitError past its limit."""
        self.length += len(text)
        if self.length > self.budget.limits.output:
            raise LimitError(f"the template writes more than {self.budget.limits.output} octets")
        self.output.append(text)

    def walk(self, dot: Any, block: Block) -> None:
        """Execute the statements of a block in order."""
        self.budget.descend()
        for statement in block:
            self.budget.step()
            self.node = statement
            self.statement(dot, statement)
        self.budget.ascend()

    def statement(self, dot: Any, statement: Statement) -> None:
        """Execute one statement."""
        if isinstance(statement, TextNode):
            self.write(statement.value)
        elif isinstance(statement, ActionNode):
            value = self.pipeline(dot, statement.pipe)
            self.node = statement
            if not statement.pipe.variables:
                self.write(format_plain(self.budget, value))
        elif isinstance(statement, BranchNode):
            mark = len(self.variables)
            if statement.keyword == "range":
                self.repeat(dot, statement)
            else:
                self.choose(dot, statement)
            del self.variables[mark:]
        elif isinstance(statement, LoopControlNode):
            raise LeaveError(statement.keyword)
        else:
            self.invoke(dot, statement)

    def choose(self, dot: Any, branch: BranchNode) -> None:
        """Execute ``if`` or ``with``."""
        value = self.pipeline(dot, branch.pipe)
        if is_true(value):
            self.walk(value if branch.keyword == "with" else dot, branch.body)
        elif branch.otherwise is not None:
            self.walk(dot, branch.otherwise)

    def repeat(self, dot: Any, branch: BranchNode) -> None:
        """Execute ``range``: its block for each element, or ``else`` when there are none."""
        value = self.pipeline(dot, branch.pipe)
        mark, depth = len(self.variables), self.budget.depth
        empty = True
        for key, element in self.elements(value, branch):
            empty = False
            self.budget.step()
            self.bind(branch, key, element)
            try:
                self.walk(element, branch.body)
            except LeaveError as leave:
                self.budget.depth = depth
                if leave.keyword == "break":
                    return
            finally:
                del self.variables[mark:]
        if empty and branch.otherwise is not None:
            self.walk(dot, branch.otherwise)

    def elements(self, value: Any, branch: BranchNode) -> Iterable[tuple[Any, Any]]:
        """Yield keys and elements, a map's sorted by key."""
        if isinstance(value, dict):
            return sorted(value.items())
        if isinstance(value, list | bytes):
            return enumerate(value)
        if is_integer(value):
            if len(branch.pipe.variables) > 1:
                raise self.fault(f"can't use {value} to iterate over more than one variable")
            return ((MISSING, number) for number in range(value))
        if not is_nil(value):
            raise self.fault(f"range can't iterate over {format_plain(self.budget, value)}")
        return ()

    def bind(self, branch: BranchNode, key: Any, element: Any) -> None:
        """Set the loop's variables to the element, or to key and element."""
        variables = branch.pipe.variables
        values = (key, element) if len(variables) > 1 else (element,)
        if branch.pipe.assigns:
            for variable, value in zip(variables, values, strict=False):
                self.assign(variable.name, value)
        else:
            names = [variable.name for variable in variables]
            place = len(self.variables) - len(names)
            self.variables[place:] = list(zip(names, values, strict=False))

    def invoke(self, dot: Any, invocation: TemplateNode) -> None:
        """Execute ``template``: another block, which sees only its own dot."""
        block = self.tree.templates.get(invocation.name)
        if block is None:
            raise self.fault(f"template {quote(invocation.name)} not defined")
        value = self.pipeline(dot, invocation.pipe)
        template, variables = self.template, self.variables
        self.template, self.variables = invocation.name, [("$", value)]
        self.walk(value, block)
        self.template, self.variables = template, variables
