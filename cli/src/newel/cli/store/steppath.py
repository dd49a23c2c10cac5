"""STEPPATH and contexts: where configuration, certificates and secrets are kept.

Without contexts everything stands under ``$STEPPATH`` (default ``~/.step``). With them (as soon as
``contexts.json`` exists or a context is named) it stands under ``authorities/<authority>`` and
``profiles/<profile>``.

Every command comes by here, `newel path` for nothing else, so names are plain text until a caller wants a
Path: pathlib, typing and json each cost more than the rest of `newel path` together.
"""

import os

from newel.cli.errors import CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


class Context:
    """A named pair of authority (which CA) and profile (whose settings)."""

    __slots__ = ("authority", "name", "profile")

    def __init__(self, name: str, authority: str, profile: str) -> None:
        self.name = name
        self.authority = authority
        self.profile = profile


def base_name() -> str:
    """Return the base directory, which contexts share, as text."""
    given = os.environ.get("STEPPATH")
    name = os.path.normpath(given) if given else join(home(), ".step")
    if os.path.exists(name) and not os.path.isdir(name):  # noqa: PTH110, PTH112 - pathlib is slow
        raise CliError(f"the STEPPATH {name} is not a directory")
    return name


def home() -> str:
    """Return the home directory: HOME, or on Windows USERPROFILE, then HOMEDRIVE and HOMEPATH."""
    if os.environ.get("HOME") == "" and os.name == "posix":
        return home_on_record()  # expanduser takes the root of the file system for it
    name = os.path.expanduser("~")  # noqa: PTH111 - see above
    if name == "~":
        raise CliError("there is no home directory: set STEPPATH")
    return name


def home_on_record() -> str:
    """Return the user's directory in the system's database."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        raise CliError("there is no home directory: set HOME or STEPPATH") from None


def join(*parts: str) -> str:
    """Return a name below a directory."""
    return os.path.join(*parts)  # noqa: PTH118 - see above


def base() -> "Path":
    """Return the base directory."""
    return as_path(base_name())


def as_path(name: str) -> "Path":
    """Return a name as a Path."""
    from pathlib import Path

    return Path(name)


def contexts() -> dict[str, Context]:
    """Every context there is, by name."""
    found = read_json(join(base_name(), "contexts.json"))
    return {
        name: Context(name, str(row["authority"]), str(row["profile"]))
        for name, row in found.items()
    }


def current(chosen: str | None = None) -> Context | None:
    """Return the context in force: the chosen one, else the selected one, else None."""
    known = contexts()
    name = chosen or os.environ.get("STEP_CONTEXT")
    if not name:
        name = read_json(join(base_name(), "current-context.json")).get("context")
    if not name:
        return None
    if name not in known:
        raise CliError(f"context '{name}' not found")
    return known[name]


def authority_name(context: Context | None) -> str:
    """Return where certs/, config/, secrets/ and db/ stand, as text."""
    return join(base_name(), "authorities", context.authority) if context else base_name()


def authority_path(context: Context | None) -> "Path":
    """Return where certs/, config/, secrets/ and db/ stand."""
    return as_path(authority_name(context))


def profile_name(context: Context | None) -> str:
    """Return where the profile's own config/ stands, as text."""
    return join(base_name(), "profiles", context.profile) if context else base_name()


def profile_path(context: Context | None) -> "Path":
    """Return where the profile's own config/ stands."""
    return as_path(profile_name(context))


class Defaults:
    """The flag defaults in force: the authority's, the profile's over them, or the file of --config."""

    def __init__(self, file: str | None, context: Context | None) -> None:
        if file:
            names, must = [file], True
        else:
            folders = [authority_name(context), profile_name(context)] if context else [base_name()]
            names, must = [join(folder, "config", "defaults.json") for folder in folders], False
        found = [(name, read_text(name, must=must)) for name in names]
        self._files = [(name, text) for name, text in found if text is not None]
        self._values: dict[str, Any] | None = None

    def get(self, flag: str) -> object:
        """Return the saved value of a flag or None; only a text with the flag's name is parsed."""
        if self._values is None:
            spelled = f'"{flag}"'.encode()
            # an escape and another encoding hide a name
            if not any(
                spelled in text or b"\\" in text or b"\0" in text for _, text in self._files
            ):
                return None
            self._values = self.check()
        return self._values.get(flag)

    def check(self) -> "dict[str, Any]":
        """Everything that is saved. Raises CliError for a file that holds no object."""
        values: dict[str, Any] = {}
        for name, text in self._files:
            values |= parse(name, text)
        return values


def read_text(path: "str | Path", *, must: bool = False) -> bytes | None:
    """Return the content of a file; None when it is missing, unless it must exist."""
    try:
        with open(path, "rb") as source:  # noqa: PTH123 - see above
            return source.read()
    except (FileNotFoundError, NotADirectoryError):
        if must:
            raise CliError(f"open {path}: no such file or directory") from None
        return None
    except OSError as error:
        raise CliError(f"open {path}: {(error.strerror or str(error)).lower()}") from None


def parse(path: "str | Path", text: bytes) -> "dict[str, Any]":
    """Return the object a file holds."""
    import json

    try:
        data = json.loads(text)
    except ValueError as error:
        raise CliError(f"error parsing {path}: {error}") from None
    if not isinstance(data, dict):
        raise CliError(f"error parsing {path}: an object is expected")
    return data


def read_json(path: "str | Path", *, must: bool = False) -> "dict[str, Any]":
    """Return an object from a file; {} when there is no file, unless it must exist."""
    text = read_text(path, must=must)
    return {} if text is None else parse(path, text)


def add(context: Context) -> None:
    """Register and select a context; create its directories and an empty profile."""
    from newel.cli.store.files import make_directory, replace

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
    """Select a context."""
    import json

    from newel.cli.store.files import replace

    replace(base() / "current-context.json", json.dumps({"context": name}).encode(), 0o644)


def write_contexts(known: dict[str, Context]) -> None:
    """Write contexts.json."""
    import json

    from newel.cli.store.files import make_directory, replace

    make_directory(base())
    rows = {c.name: {"profile": c.profile, "authority": c.authority} for c in known.values()}
    replace(base() / "contexts.json", json.dumps(rows, indent=4).encode(), 0o600)
