"""Files of an SSH configuration, made from templates. Import it late: the template language is slow to load."""

import base64
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from newel.certtemplates import certificates
from newel.gotemplate.budget import Environment, Limits
from newel.gotemplate.errors import TemplateError
from newel.gotemplate.template import Template
from newel.gotemplate.values import STRING_MAP_TYPE, Map
from newel.registration.errors import misconfiguration_error
from newel.registration.ssh.config import SSHTemplateConfig
from newel.runtime.config import ConfigError
from newel.runtime.entropy import random_bytes

_BOUNDS = Limits(steps=20_000, octets=1 << 20, output=1 << 18)
_MAX_FILE = 1 << 18


class ClientFile(NamedTuple):
    """One file of a client's or a host's configuration, compiled."""

    config: SSHTemplateConfig
    content: Template | None
    """None for a directory."""
    path: Template

    def render(self, visible: Mapping[str, Any], now: dt.datetime) -> dict[str, str]:
        """Render the file as the API carries it. Raises NewelError."""
        environment = Environment(now, random_bytes)
        try:
            path = self.path.render(visible, environment, _BOUNDS)
            content = (
                "" if self.content is None else self.content.render(visible, environment, _BOUNDS)
            )
        except TemplateError as error:
            raise misconfiguration_error(f"error rendering {self.config.name}: {error}") from None
        return {
            "name": self.config.name,
            "type": self.config.type,
            "comment": self.config.comment,
            "path": path,
            "content": base64.b64encode(content.encode()).decode(),
        }


def compile_file(config: SSHTemplateConfig) -> ClientFile:
    """Read and compile the templates of a file. Raises ConfigError."""
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
        return ClientFile(config, content, Template(config.path, functions))
    except TemplateError as error:
        raise ConfigError(f"templates.ssh: {config.name}: {error}") from None


def build_variables(
    given: Mapping[str, Any], own: Mapping[str, str], keys: Mapping[str, Sequence[bytes]]
) -> Mapping[str, Any]:
    """Return what templates see: a client's data, the configuration's, and the keys by type in wire form."""
    user = Map({name: str(value) for name, value in given.items()}, STRING_MAP_TYPE)
    return {"User": user, **own, "Step": {"SSH": _describe_keys(keys)}}


def _describe_keys(keys: Mapping[str, Sequence[bytes]]) -> Mapping[str, Any]:
    """Describe the keys as step-ca's own templates expect it."""
    found: dict[str, Any] = {}
    for kind, name in (("user", "User"), ("host", "Host")):
        shown = [_describe_key(each) for each in keys.get(kind, ())]
        found[f"{name}Key"] = shown[0] if shown else None
        found[f"{name}FederatedKeys"] = shown[1:]
    return found


def _describe_key(wire: bytes) -> Mapping[str, Any]:
    size = int.from_bytes(wire[:4])
    return {"Type": wire[4 : 4 + size].decode(), "Marshal": wire}
