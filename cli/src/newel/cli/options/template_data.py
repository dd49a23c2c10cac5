"""What --set and --set-file give to the authority's template."""

import json
from typing import TYPE_CHECKING, Any, cast

from newel.cli.errors import CliError, UsageError

if TYPE_CHECKING:
    from newel.cli.options.invocation import Invocation


def given(call: "Invocation") -> dict[str, Any]:
    """The data: the file's, and over it each ``key=value``, the value JSON where it can be."""
    data: dict[str, Any] = {}
    name = call.get("set-file")
    if name:
        from newel.cli.store.files import read

        try:
            found: object = json.loads(read(name))
        except ValueError as error:
            raise CliError(f"error parsing {name}: {error}") from None
        if not isinstance(found, dict):
            raise CliError(f"error parsing {name}: an object is expected")
        data |= cast("dict[str, Any]", found)
    for word in call.all("set"):
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f"invalid value '{word}' for flag '--set'; use key=value")
        data[key] = parsed(value)
    return data


def parsed(value: str) -> Any:
    """The value as JSON, or as it stands."""
    try:
        return json.loads(value)
    except ValueError:
        return value
