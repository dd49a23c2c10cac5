"""Configuration as frozen models: unknown keys are errors, secrets are only ever named as files."""

import datetime as dt
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from newel.step.durations import parse_duration


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


Duration = Annotated[dt.timedelta, BeforeValidator(_duration)]
"""``"24h"``, ``"1m30s"`` … as Go and the step tools write durations."""


class Config(BaseModel):
    """The base of every configuration model."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


Model = TypeVar("Model", bound=Config)


class ConfigError(Exception):
    """A configuration that cannot be used; the message names the file and each key at fault."""


def load_toml(path: Path, model: type[Model]) -> Model:
    """A model from a TOML file. Raises ConfigError."""
    return validated(model, load_table(path), str(path))


def load_table(path: Path) -> dict[str, Any]:
    """A TOML file as plain data. Raises ConfigError."""
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None


def validated(model: type[Model], data: dict[str, Any], where: str) -> Model:
    """A model from plain data. Raises ConfigError that says where and what."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'the whole'}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        )
        raise ConfigError(f"{where}: {faults}") from None


def read_secret(path: Path) -> str:
    """A password or PIN from its file, without the white space at its end. Raises ConfigError.

    A file that others than its owner can read is refused (group reading is left to the operator, as
    Kubernetes mounts secrets with a group).
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text().rstrip()
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    if os.name == "posix" and mode & 0o007:
        raise ConfigError(f"{path}: others may read this secret; chmod o= {path}")
    return text
