"""STEPPATH and contexts, as far as they say which ca.json is meant."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple, cast


class Configuration(NamedTuple):
    """The file to serve from, and the context that named it ("" without one)."""

    file: str
    context: str


def find_configuration(config: str, context: str) -> Configuration:
    """Find the ca.json of a command line.

    Raises ValueError for a context that is not there, and for files of contexts that cannot be read.
    """
    base = Path(os.environ.get("STEPPATH") or Path("~/.step").expanduser())
    contexts = _read(base / "contexts.json")
    if context and context not in contexts:
        raise ValueError(f'context "{context}" not found')
    name = context or str(_read(base / "current-context.json").get("context") or "")
    if name not in contexts:
        name = ""
    authority = str(cast("dict[str, Any]", contexts[name]).get("authority") or "") if name else ""
    folder = base / "authorities" / authority if authority else base
    return Configuration(config or str(folder / "config/ca.json"), name)


def _read(path: Path) -> dict[str, Any]:
    try:
        found: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ValueError(f"error reading {path}: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"error reading {path}: an object is expected")  # noqa: TRY004 - of a file
    return cast("dict[str, Any]", found)
