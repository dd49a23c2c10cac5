"""Configuration as frozen models: unknown keys are errors, secrets are only ever named as files."""

import datetime as dt
import difflib
import logging
import os
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from newel.durations.go import parse_duration
from newel.runtime.mounted_files import is_fixed

_log = logging.getLogger("newel.runtime.config")

_LONGEST_SECRET = 64 * 1024
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def _parse_duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


Duration = Annotated[dt.timedelta, BeforeValidator(_parse_duration)]
"""``"24h"``, ``"1m30s"`` … as Go and the step tools write durations."""


class Config(BaseModel):
    """The base of every configuration model."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


Model = TypeVar("Model", bound=Config)


class ConfigError(Exception):
    """A configuration that cannot be used; the message names the file and each faulty key."""

    def __init__(self, message: str, faults: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)
        """Each faulty key by its path, and what is wrong with it, where that is known one by one."""


def load_toml(path: Path, model: type[Model]) -> Model:
    """Read a model from a TOML file. Raises ConfigError."""
    return validate(model, load_table(path), str(path))


def load_table(path: Path) -> dict[str, Any]:
    """Read a TOML file as plain data. Raises ConfigError."""
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None


def validate(
    model: type[Model], data: dict[str, Any], where: str, *, spell: Callable[[str], str] = str
) -> Model:
    """Build a model from plain data. Raises ConfigError, which says where and what.

    ``spell`` turns a setting's name into the one that users write.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        found = [_describe_fault(model, fault, spell) for fault in faults]
        described = "; ".join(f"{place}: {says}" if place else says for place, says in found)
        raise ConfigError(f"{where}: {described}", found) from None


def _describe_fault(
    model: type[BaseModel], fault: "ErrorDetails", spell: Callable[[str], str]
) -> tuple[str, str]:
    """Return the path of a faulty key, and what is wrong with it."""
    place = [spell(part) if isinstance(part, str) else str(part) for part in fault["loc"]]
    says = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(place[-1], _settings(model, fault["loc"][:-1], spell), n=1)
        says = f"unknown setting{f'; did you mean {near[0]!r}?' if near else ''}"
    elif fault["type"] == "missing":
        says = "missing"
    return ".".join(place), says


def _settings(
    model: type[BaseModel], place: Sequence[int | str], spell: Callable[[str], str]
) -> list[str]:
    """Return the names of the settings that are possible at a place; none where that is unknown."""
    current: Any = model
    for part in place:
        if isinstance(current, type) and issubclass(current, BaseModel):
            found = current.model_fields.get(str(part))
            current = found.annotation if found else None
        for argument in get_args(current):
            if isinstance(argument, type) and issubclass(argument, BaseModel):
                current = argument
    if isinstance(current, type) and issubclass(current, BaseModel):
        return [spell(name) for name in current.model_fields]
    return []


def read_secret(path: Path) -> str:
    """Read a password or PIN from its file, without the white space at its end. Raises ConfigError.

    The text is UTF-8 with or without a byte order mark, or UTF-16 with one.
    """
    try:
        return read_secret_octets(path).decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: the secret is not text in UTF-8") from None


def read_secret_octets(path: Path) -> bytes:
    """Read what a key was encrypted with: text as UTF-8, and text in older encodings unchanged.

    A file that others than its owner can read is refused (group reading is left to the operator, as
    Kubernetes mounts secrets with a group); where a mount decides about the mode
    (:mod:`newel.runtime.mounted_files`) a warning is logged.
    """
    try:
        mode = path.stat().st_mode
        with path.open("rb") as file:
            data = file.read(_LONGEST_SECRET + 1)
        open_to_all = os.name == "posix" and bool(mode & 0o007)
        fixed = open_to_all and is_fixed(path)
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    if open_to_all and not fixed:
        raise ConfigError(f"{path}: others may read this secret; chmod o= {path}")
    if open_to_all:
        _log.warning(
            "%s: everyone who can reach this mount can read the secret; mount it with mode 0400",
            path,
        )
    if len(data) > _LONGEST_SECRET:
        raise ConfigError(f"{path}: longer than {_LONGEST_SECRET} octets: this is not a secret")
    claimed = data[:2] in _UTF_16
    try:
        return data.decode("utf-16" if claimed else "utf-8-sig").rstrip().encode()
    except UnicodeDecodeError:
        if claimed:
            raise ConfigError(f"{path}: the secret is not the UTF-16 it claims to be") from None
        return data.rstrip()
