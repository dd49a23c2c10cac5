"""STEPPATH and contexts: where configuration, certificates and secrets are kept.

Without contexts everything stands under ``$STEPPATH`` (default ``~/.step``). With them (as soon as
``contexts.json`` exists or a context is named) it stands under ``authorities/<authority>`` and
``profiles/<profile>``.

Most commands come by here, so json is loaded only for a file that exists, and dataclasses are not used.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from newel.cli.errors import CliError

if TYPE_CHECKING:
    from newel.cli.invocation import Invocation


class Context:
    """A named pair of authority (which CA) and profile (whose settings)."""

    __slots__ = ("authority", "name", "profile")

    def __init__(self, name: str, authority: str, profile: str) -> None:
        self.name = name
        self.authority = authority
        self.profile = profile


def base() -> Path:
    """The base directory, which contexts share."""
    given = os.environ.get("STEPPATH")
    path = Path(given) if given else Path.home() / ".step"
    if path.exists() and not path.is_dir():
        raise CliError(f"the STEPPATH {path} is not a directory")
    return path


def contexts() -> dict[str, Context]:
    """Every context there is, by name."""
    found = read_json(base() / "contexts.json")
    return {
        name: Context(name, str(row["authority"]), str(row["profile"]))
        for name, row in found.items()
    }


def current(chosen: str | None = None) -> Context | None:
    """The context in force: the chosen one, else the selected one, else none."""
    known = contexts()
    name = chosen or os.environ.get("STEP_CONTEXT")
    if not name:
        name = read_json(base() / "current-context.json").get("context")
    if not name:
        return None
    if name not in known:
        raise CliError(f"context '{name}' not found")
    return known[name]


def context_of(call: "Invocation") -> Context | None:
    """The context a call works in: --context, STEP_CONTEXT, the selected one; none with --no-context."""
    if call.known("no-context") and call.given("no-context") and call.on("no-context"):
        return None
    chosen = call.get("context") if call.known("context") else None
    return current(chosen)


def authority_path(context: Context | None) -> Path:
    """Where certs/, config/, secrets/ and db/ stand."""
    return base() / "authorities" / context.authority if context else base()


def profile_path(context: Context | None) -> Path:
    """Where the profile's own config/ stands."""
    return base() / "profiles" / context.profile if context else base()


def read_defaults(call: "Invocation") -> dict[str, Any]:
    """The flag defaults in force: the authority's, the profile's over them, or the file of --config."""
    chosen = call.get("config")
    if chosen:
        return read_json(Path(chosen), must=True)
    context = context_of(call)
    merged = read_json(authority_path(context) / "config/defaults.json")
    if context:
        merged |= read_json(profile_path(context) / "config/defaults.json")
    return merged


def read_json(path: Path, *, must: bool = False) -> dict[str, Any]:
    """An object from a file; {} when there is no file, unless it must exist."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        if must:
            raise CliError(f"open {path}: no such file or directory") from None
        return {}
    import json

    try:
        data = json.loads(text)
    except ValueError as error:
        raise CliError(f"error parsing {path}: {error}") from None
    if not isinstance(data, dict):
        raise CliError(f"error parsing {path}: an object is expected")
    return data


def add(context: Context) -> None:
    """Registers a context and selects it; makes its directories and an empty profile."""
    from newel.cli.files import make_directory, replace

    known = contexts()
    known[context.name] = context
    for path in (authority_path(context), profile_path(context)):
        make_directory(path / "config")
    settings = profile_path(context) / "config/defaults.json"
    if not settings.exists():
        replace(settings, b"{}", 0o600)
    write_contexts(known)
    select(context.name)


def select(name: str) -> None:
    """Makes a context the one in force."""
    import json

    from newel.cli.files import replace

    replace(base() / "current-context.json", json.dumps({"context": name}).encode(), 0o644)


def write_contexts(known: dict[str, Context]) -> None:
    """Writes contexts.json."""
    import json

    from newel.cli.files import make_directory, replace

    make_directory(base())
    rows = {c.name: {"profile": c.profile, "authority": c.authority} for c in known.values()}
    replace(base() / "contexts.json", json.dumps(rows, indent=4).encode(), 0o600)
