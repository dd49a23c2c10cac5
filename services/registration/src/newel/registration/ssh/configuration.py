"""What clients and hosts are told: the way to hosts, and configuration files made from templates."""

import base64
import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple

from newel.certtemplates import certificates
from newel.gotemplate.budget import Environment, Limits
from newel.gotemplate.errors import TemplateError
from newel.gotemplate.template import Template
from newel.gotemplate.values import STRING_MAP_TYPE, Map
from newel.registration.errors import malformed_error, misconfiguration_error
from newel.registration.ssh.config import SSHConfig, SSHTemplateConfig
from newel.registration.ssh.keys import SSHKeys
from newel.runtime.config import ConfigError
from newel.runtime.entropy import random_bytes
from newel.runtime.errors import ErrorType, NewelError

_BOUNDS = Limits(steps=20_000, octets=1 << 20, output=1 << 18)
_MAX_FILE = 1 << 18


class _File(NamedTuple):
    config: SSHTemplateConfig
    content: Template | None
    path: Template


class SSHConfiguration:
    """Renders the files of ``/ssh/config``, and knows the bastion."""

    def __init__(self, config: SSHConfig) -> None:
        """Compile the templates. Raises ConfigError."""
        self._files = {
            "user": [_compile(each) for each in config.user_templates],
            "host": [_compile(each) for each in config.host_templates],
        }
        self._data = config.template_data
        self._bastion = {name: value for name, value in config.bastion.items() if value}
        self.hides_hosts = config.hide_hosts

    def bastion(self, host: str) -> Mapping[str, str]:
        """Return what a connection to a host goes through; empty for the bastion itself."""
        return {} if self._bastion.get("hostname") == host else self._bastion

    def render(
        self, kind: str, data: Mapping[str, Any], keys: SSHKeys, now: dt.datetime
    ) -> list[dict[str, str]]:
        """Render the files of a ``user`` or a ``host`` with a client's own data. Raises NewelError."""
        if kind not in self._files:
            raise malformed_error(f"invalid certificate type '{kind[:64]}'")
        files = self._files[kind]
        if not files:
            raise NewelError(ErrorType.NOT_FOUND, "no templates found")
        for file in files:
            for name in file.config.requires:
                if name not in data:
                    raise malformed_error(
                        f"required variable '{name}' is missing, please use"
                        " `--set <key=value>` flag"
                    )
        visible = {
            "User": Map({name: str(value) for name, value in data.items()}, STRING_MAP_TYPE),
            **self._data,
            "Step": {"SSH": _variables(keys)},
        }
        return [_render(file, visible, now) for file in files]


def _variables(keys: SSHKeys) -> Mapping[str, Any]:
    """Return what templates see of the keys, as step-ca's own templates expect it."""
    found: dict[str, Any] = {}
    for kind, name in (("user", "User"), ("host", "Host")):
        shown = [_present(each) for each in keys.known.get(kind, ())]
        found[f"{name}Key"] = shown[0] if shown else None
        found[f"{name}FederatedKeys"] = shown[1:]
    return found


def _present(wire: bytes) -> Mapping[str, Any]:
    size = int.from_bytes(wire[:4])
    return {"Type": wire[4 : 4 + size].decode(), "Marshal": wire}


def _compile(config: SSHTemplateConfig) -> _File:
    source = None
    if config.template is not None:
        try:
            with config.template.open("rb") as file:
                source = file.read(_MAX_FILE).decode()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"templates.ssh: {config.template}: {error}") from None
    try:
        functions = certificates.ALL_FUNCTIONS
        content = None if source is None else Template(source, functions)
        return _File(config, content, Template(config.path, functions))
    except TemplateError as error:
        raise ConfigError(f"templates.ssh: {config.name}: {error}") from None


def _render(file: _File, visible: Mapping[str, Any], now: dt.datetime) -> dict[str, str]:
    environment = Environment(now, random_bytes)
    try:
        path = file.path.render(visible, environment, _BOUNDS)
        content = "" if file.content is None else file.content.render(visible, environment, _BOUNDS)
    except TemplateError as error:
        raise misconfiguration_error(f"error rendering {file.config.name}: {error}") from None
    return {
        "name": file.config.name,
        "type": file.config.type,
        "comment": file.config.comment,
        "path": path,
        "content": base64.b64encode(content.encode()).decode(),
    }
