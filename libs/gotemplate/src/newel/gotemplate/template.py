"""The entry point: a template is compiled once and rendered as often as needed."""

from collections.abc import Mapping
from typing import Any

from newel.gotemplate.budget import Budget, Environment, Limits
from newel.gotemplate.calls import Functions
from newel.gotemplate.execution import execute
from newel.gotemplate.parser import parse

NAME = "template"


class Template:
    """A template of Go's text/template with the functions it may call.

    Raises ParseError when the text is none.
    """

    def __init__(self, text: str, functions: Functions, name: str = NAME) -> None:
        self.functions = functions
        self.tree = parse(name, text, functions)

    def render(
        self,
        data: Mapping[str, Any],
        environment: Environment | None = None,
        limits: Limits | None = None,
    ) -> str:
        """Return the text for this data, whose values are as `values` describes.

        Raises ExecutionError when the template stops, LimitError when it takes too much.
        """
        budget = Budget(limits or Limits(), environment or Environment())
        return execute(self.tree, self.functions, data, budget)
