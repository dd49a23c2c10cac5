"""Docstrings as Markdown, and the docstrings of attributes, which Python does not keep."""

import ast
import inspect
import re
import textwrap

_ROLE = re.compile(r":(?:class|meth|func|mod|attr|data|exc):`[~.]?([^`]+)`")


def to_markdown(text: str | None) -> str:
    """Turn a docstring into Markdown: roles and double backquotes become code."""
    plain = inspect.cleandoc(text or "")
    return _ROLE.sub(r"`\1`", plain).replace("``", "`")


def to_paragraph(text: str | None, indent: str = "") -> str:
    """Turn a docstring into one paragraph of lines of at most 100 columns."""
    return textwrap.fill(
        " ".join(to_markdown(text).split()),
        100,
        initial_indent="" if (text or "").startswith("- ") else indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def to_cell(text: str | None) -> str:
    """Turn a docstring into the text of a table cell."""
    return " ".join(to_markdown(text).split()).replace("|", "\\|")


def read_attribute_docstrings(owner: type) -> dict[str, str]:
    """Read the strings that follow the annotated attributes of a class and its bases."""
    found: dict[str, str] = {}
    for each in reversed(owner.__mro__):
        if not each.__module__.startswith("newel."):
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(each))).body[0]
        if not isinstance(body, ast.ClassDef):
            continue
        for attribute, text in zip(body.body, body.body[1:], strict=False):
            if (
                isinstance(attribute, ast.AnnAssign)
                and isinstance(attribute.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            ):
                found[attribute.target.id] = text.value.value
    return found
