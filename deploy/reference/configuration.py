"""The configuration reference: every setting of every service, from the models themselves."""

import datetime as dt
import enum
import importlib
import types
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from deploy.reference.docstrings import read_attribute_docstrings, to_cell, to_paragraph
from newel.durations.go import format_duration

PROGRAMS = {
    "registration": "newel.registration",
    "issuing": "newel.issuing",
    "signer": "newel.signer",
    "validation": "newel.validation",
    "validation: the responder without a database": "newel.validation.stateless",
    "inventory": "newel.inventory",
    "alerting": "newel.alerting",
    "dashboard": "newel.dashboard",
    "kubernetes": "newel.kubernetes",
}
"""The package of every program, by its heading."""
HEADING = """# Configuration

Every setting of every service. This page is made from the models that read the files
(`make reference`), so it cannot differ from them. The files are TOML; `deploy/config` has a
complete set. `newel up` needs none of them: it reads `ca.json` ([member by member](ca-json.md)) and
its flags.

A setting that is not listed is refused at start, with the nearest one that is. Secrets are never
settings: a setting names the file that holds the secret. Durations are Go's: `24h`, `1m30s`.

"""


def render_configuration() -> str:
    """Render the page."""
    parts = [HEADING]
    runtime = importlib.import_module("newel.runtime.process.process_config").RuntimeConfig
    for heading, package in PROGRAMS.items():
        configuration = importlib.import_module(f"{package}.config")
        # the same, and what it needs where it is a process of its own
        model = getattr(configuration, "ProcessConfig", configuration.Config)
        parts.append(f"## {heading}\n\n")
        parts.extend(_sections(model, "", {}))
    parts.append("## The process: `[runtime]`\n\nThe same for every service.\n\n")
    parts.extend(_sections(runtime, "runtime", {}))
    return "".join(parts).rstrip() + "\n"


def _sections(model: type[BaseModel], path: str, seen: dict[type, str]) -> Iterator[str]:
    """Yield a model's table, then those of the models inside it."""
    docs, inner = read_attribute_docstrings(model), list[tuple[str, type[BaseModel]]]()
    if path:
        yield f"### `[{path}]`\n\n"
    yield to_paragraph(model.__doc__) + "\n\n"
    yield "| setting | type | default | meaning |\n|---|---|---|---|\n"
    for name, field in model.model_fields.items():
        kind, models = _describe(field.annotation)
        default = _default(field)
        yield f"| `{name}` | {kind} | {default} | {to_cell(docs.get(name, field.description))} |\n"
        place = f"{path}.{name}" if path else name
        inner += [(place, each) for each in models]
    yield "\n"
    for place, each in inner:
        if each in seen:
            yield f"`[{place}]` has the settings of `[{seen[each]}]`.\n\n"
            continue
        seen[each] = place
        yield from _sections(each, place, seen)


_SPELLED: dict[object, str] = {
    Any: "",
    Path: "path",
    bool: "true or false",
    bytes: "hexadecimal octets",
    dt.timedelta: "duration",
    float: "number",
    int: "number",
    str: "text",
    IPv4Network: "network",
    IPv6Network: "network",
}


def _describe(annotation: Any) -> tuple[str, list[type[BaseModel]]]:
    """Name the type of a setting; also return the models inside it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    kind, models = "table", list[type[BaseModel]]()
    if origin is Annotated:
        kind, models = _describe(arguments[0])
    elif origin is Literal:
        kind = " or ".join(f"`{each}`" for each in arguments)
    elif origin in {Union, types.UnionType}:
        found = [_describe(each) for each in arguments if each is not type(None)]
        kind = " or ".join(dict.fromkeys(each for each, _ in found))
        models = [each for _, inner in found for each in inner]
    elif origin in {tuple, list, frozenset, set}:
        kind, models = _describe(arguments[0])
        kind = f"list of {kind}"
    elif origin is dict:
        kind, models = _describe(arguments[1])
        kind = f"table of {kind} by name" if kind else "table"
    elif isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        kind = " or ".join(f"`{each.value}`" for each in annotation)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        models = [annotation]
    else:
        kind = _SPELLED.get(annotation, "table")
    return kind, models


def _default(field: FieldInfo) -> str:
    """Spell a default as a file would; settings without one are required."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, tuple | list | frozenset | dict):
        return ", ".join(f"`{each}`" for each in value)
    text = "" if value is None or isinstance(value, BaseModel) else str(value)
    if isinstance(value, dt.timedelta):
        text = format_duration(value)
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, str) and not isinstance(value, enum.Enum) and value:
        text = f'"{value}"'
    return f"`{text}`" if text else ""
