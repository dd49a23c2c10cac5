"""Data for the templates of provisioners and certificates: --set and --set-file."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from newel.cli.errors import CliError, UsageError


class TemplateData(NamedTuple):
    """Where a template's data comes from: assignments ``key=value`` over the object in a file."""

    assignments: Sequence[str] = ()
    file: str | None = None

    def read(self) -> dict[str, Any]:
        """Return the data; a value is JSON where it can be. Raises CliError."""
        data = read_object(self.file) if self.file else {}
        for word in self.assignments:
            key, equals, value = word.partition("=")
            if not equals or not key:
                raise UsageError(f"invalid value '{word}' for flag '--set'; use key=value")
            data[key] = parse_value(value)
        return data


def read_object(name: str) -> dict[str, Any]:
    """Return the JSON object of a file. Raises CliError."""
    from newel.cli.store.files import read

    try:
        found: object = json.loads(read(name))
    except ValueError as error:
        raise CliError(f"error parsing {name}: {error}") from None
    if not isinstance(found, dict):
        raise CliError(f"error parsing {name}: an object is expected")
    return cast("dict[str, Any]", found)


def parse_value(value: str) -> Any:
    """Return the value as JSON, or as it stands."""
    try:
        return json.loads(value)
    except ValueError:
        return value
