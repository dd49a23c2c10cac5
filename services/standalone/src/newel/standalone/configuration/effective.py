"""What a configuration amounts to: each value with where it is from, and no secret among them."""

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
from pydantic import BaseModel

from newel.durations.go import format_duration
from newel.runtime.process.process_config import read_process_config
from newel.standalone import models
from newel.standalone.configuration.faults import SERVICES
from newel.standalone.layout import Layout
from newel.standalone.settings import Settings, camel, read_settings, snake
from newel.step.provisioner_members import SECRET

FILE, FLAG, DERIVED, DEFAULT = "file", "flag", "derived", "default"
HIDDEN = "(hidden)"
_SECRET_NAME = re.compile(
    r"(secret|password|passphrase|challenge|credentials?|bearer|authorization|encryptedkey|token"
    r"|api_?key|routing_?key|integration_?key|\bpin)$",
    re.IGNORECASE,
)
_PRIVATE = frozenset(("d", "k", "p", "q", "dp", "dq", "qi", "oth"))
"""Members of a JWK that are its private part (RFC 7518 §6)."""
_LOGIN = re.compile(r"(?<=://)([^/@\s:]*):[^/\s]+@")
"""The password ends at the last ``@``, as it does for the reader of a URL."""
_TOKEN = re.compile(r"\b((?:nats|tls|wss?|https?)://)[^/@\s:]+@")
_PAIR = re.compile(
    r"\b((?:ssl)?password|passwd)\s*=\s*(?:'(?:[^'\\]|\\.)*'?|(?:[^\s'\\&]|\\.)+)", re.IGNORECASE
)
"""As ``newel.standalone.databases`` reads the pairs of a connection string, with ``\\`` before any character."""
_PARAMETER = re.compile(
    r"(\b(?:pwd|pin-value|secret|access_token|api_?key)|(?<=[?&])(?:token|sig|signature))"
    r"\s*=\s*('[^']*'|[^\s;&]+)",
    re.IGNORECASE,
)
"""``token`` is a secret in the query of a URL alone: in the URI of a key it is the name of a device."""
_LISTED_APART = {"provisioners", "policy"}
"""Members of the registration authority that are shown as ``authority`` has them."""
_NAMED_BY_PEOPLE = "provisioners"
"""The member below which keys are names that people chose."""


class Row(NamedTuple):
    """One value: its path, the value as JSON has it, and where it is from."""

    path: str
    value: Any
    origin: str


def list_ca_json(layout: Layout, flags: Mapping[str, str]) -> list[Row]:
    """List what a ca.json amounts to, with the flags of `newel up` by the members that they replace.

    ``derived``: the value follows from others. Raises ConfigError.
    """
    settings = read_settings(layout)
    models.check(settings)
    rows = [
        *_list_step_members(settings, flags),
        *_list_model("newel", settings.newel, settings, skip=set(_configure(settings))),
    ]
    for name, model in _configure(settings).items():
        rows += _list_model(f"newel.{name}", model, settings, skip=_LISTED_APART)
    return rows


def list_toml(file: Path, service: str) -> list[Row]:
    """List what a service's own file amounts to. Raises ConfigError."""
    runtime, config = read_process_config(file, SERVICES[service])
    return [
        *_walk("runtime", runtime.model_dump(), _origins(runtime, FILE), str),
        *_walk("", config.model_dump(), _origins(config, FILE), str),
    ]


def _configure(settings: Settings) -> dict[str, BaseModel]:
    return {
        "signer": models.configure_signer(settings),
        "issuing": models.configure_issuing(settings),
        "registration": models.configure_registration(settings),
        "validation": models.configure_validation(settings),
    }


def _list_step_members(settings: Settings, flags: Mapping[str, str]) -> Iterator[Row]:
    """Yield the members that the step tools' format has, flags before the file and defaults last."""
    built: dict[str, Any] = msgspec.to_builtins(settings.ca)
    for name, value in built.items():
        if name == "newel":
            continue
        if name in flags:
            yield Row(name, flags[name], FLAG)
            continue
        given = settings.raw.get(name)
        yield from _walk(name, value, _Origins(given, FILE, DEFAULT), str)


def _list_model(
    path: str, model: BaseModel, settings: Settings, *, skip: set[str]
) -> Iterator[Row]:
    """Yield the values of one of our models: from the file, derived from the rest of it, or defaults."""
    section: Any = snake(settings.raw.get("newel") or {})
    for part in path.split(".")[1:]:
        section = section.get(part) or {}
    derived = _origins(model, DERIVED)
    for name, value in model.model_dump().items():
        if name not in skip:
            inner = cast("dict[str, Any]", section).get(name)
            after = derived.below(name)
            spell = str if name == _NAMED_BY_PEOPLE else camel
            origins = _Origins(inner, FILE, after)
            yield from _walk(f"{path}.{camel(name)}", value, origins, spell)


class _Origins:
    """Where the values of a part of a configuration are from: what is given is from one place."""

    def __init__(self, given: Any, origin: str, other: "_Origins | str") -> None:
        self._given = given
        self._origin = origin
        self._other = other

    def below(self, name: str) -> "_Origins":
        """Return those of a member."""
        given: Any = self._given
        inner = cast("dict[str, Any]", given).get(name) if isinstance(given, dict) else None
        other = self._other.below(name) if isinstance(self._other, _Origins) else self._other
        return _Origins(inner, self._origin, other)

    @property
    def origin(self) -> str:
        """Return where the value itself is from."""
        if self._given is not None:
            return self._origin
        return self._other.origin if isinstance(self._other, _Origins) else self._other


def _origins(model: BaseModel, origin: str) -> _Origins:
    return _Origins(model.model_dump(exclude_unset=True), origin, DEFAULT)


def _walk(path: str, value: Any, origins: _Origins, spell: Callable[[str], str]) -> Iterator[Row]:
    """Yield the values below a path; a list is one value. ``spell`` gives names as users write them."""
    if isinstance(value, dict) and value:
        for name, inner in cast("dict[str, Any]", value).items():
            below = f"{path}.{spell(name)}" if path else spell(name)
            if _is_secret(name, inner, value):
                yield Row(below, HIDDEN, origins.below(name).origin)
            else:
                further = str if name == _NAMED_BY_PEOPLE else spell
                yield from _walk(below, inner, origins.below(name), further)
        return
    yield Row(path, show(value, spell), origins.origin)


def _is_secret(name: str, value: Any, around: Any) -> bool:
    """Tell whether a member is not to be shown: by its name, or as the private part of a JWK."""
    if not value or not isinstance(value, str | bytes | list | dict):
        return False
    in_key = name in _PRIVATE and "kty" in around
    return in_key or name in SECRET or _SECRET_NAME.search(name) is not None


def show(value: Any, spell: Callable[[str], str]) -> Any:
    """Return a value as a file has it, with every secret in it replaced."""
    if isinstance(value, list | tuple | set | frozenset):
        return [show(each, spell) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {
            spell(name): HIDDEN if _is_secret(name, inner, value) else show(inner, spell)
            for name, inner in members.items()
        }
    if isinstance(value, dt.timedelta):
        return format_duration(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes):
        return value.hex()
    text = str(value.value if isinstance(value, Enum) else value)
    return hide(text)


def hide(text: str) -> str:
    """Replace the passwords and tokens in a URL, a connection string, or the URI of a key."""
    text = _TOKEN.sub(rf"\1{HIDDEN}@", _LOGIN.sub(rf"\1:{HIDDEN}@", text))
    return _PARAMETER.sub(rf"\1={HIDDEN}", _PAIR.sub(rf"\1={HIDDEN}", text))


def write_text(rows: list[Row]) -> str:
    """Write a line for each value: its path, the value as JSON, and where it is from."""
    return "".join(f"{path} = {json.dumps(value)}  # {origin}\n" for path, value, origin in rows)


def write_json(rows: list[Row]) -> str:
    """Write an array of path, value and origin."""
    return json.dumps([each._asdict() for each in rows], indent=2) + "\n"
