"""The SDK reference: the public classes of `newel.client`, from their docstrings."""

import enum
import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

from deploy.reference.docstrings import (
    read_attribute_docstrings,
    to_cell,
    to_markdown,
    to_paragraph,
)

PUBLIC = {
    "newel.client.identity": ("Identity",),
    "newel.client.async_identity": ("AsyncIdentity",),
    "newel.client.credential": ("Credential",),
    "newel.client.authority": ("Authority",),
    "newel.client.async_authority": ("AsyncAuthority",),
    "newel.client.peer": ("Peer", "PeerIdentity"),
    "newel.client.acme_transport": ("Solver",),
    "newel.client.http01": ("Standalone", "Webroot"),
    "newel.client.errors": (
        "ClientError",
        "UnreachableError",
        "UntrustedError",
        "FingerprintError",
        "RefusedError",
        "AnswerError",
    ),
    "newel.client.throwaway": ("ThrowawayAuthority",),
}
HEADING = """# Python SDK reference

`newel.client`: what programs import. This page is made from the docstrings (`make reference`).
[The SDK's page](../libs/client/README.md) begins with examples.

"""


def render_sdk() -> str:
    """Render the page."""
    parts = [HEADING]
    for name, classes in PUBLIC.items():
        module = importlib.import_module(name)
        parts.append(f"## {name}\n\n{to_markdown(module.__doc__).split(chr(10) * 2)[0]}\n\n")
        for each in classes:
            parts.extend(_render_class(getattr(module, each)))
    return "".join(parts).rstrip() + "\n"


def _render_class(owner: type) -> Iterator[str]:
    """Yield a class: its docstring, attributes, and methods that are its own or a base's here."""
    yield f"### {owner.__name__}\n\n{to_markdown(owner.__doc__)}\n\n"
    if attributes := read_attribute_docstrings(owner):
        yield "| attribute | meaning |\n|---|---|\n"
        yield "".join(f"| `{name}` | {to_cell(text)} |\n" for name, text in attributes.items())
        yield "\n"
    members = {
        name: member
        for base in reversed(owner.__mro__)
        if base.__module__.startswith("newel.")
        for name, member in vars(base).items()
        if not name.startswith("_")
    }
    for name, member in members.items():
        if isinstance(member, property):
            yield to_paragraph(f"- `{name}`: {member.__doc__}", "  ") + "\n"
        elif callable(function := getattr(member, "__func__", member)) and function.__doc__:
            yield f"- `{_signature(name, function)}`\\\n"
            yield to_paragraph(function.__doc__, "  ") + "\n"
    yield "\n"


def _signature(name: str, function: Callable[..., object]) -> str:
    """Spell a call: the names of the parameters, without `self`, and their defaults."""
    parameters = [
        each.replace(annotation=inspect.Parameter.empty, default=_spell_default(each.default))
        for each in inspect.signature(function).parameters.values()
        if each.name not in {"self", "cls"}
    ]
    spelled = str(inspect.Signature(parameters))
    prefix = "await " if inspect.iscoroutinefunction(function) else ""
    return f"{prefix}{name}{spelled}"


class _SourceText:
    """A default value that is written as the given text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _spell_default(value: object) -> object:
    if isinstance(value, enum.Enum):
        return _SourceText(f"{type(value).__name__}.{value.name}")
    return _SourceText(repr(str(value))) if isinstance(value, Path) else value
