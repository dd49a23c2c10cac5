"""What clients and hosts are told: the way to hosts, and configuration files made from templates."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from newel.registration.errors import malformed_error
from newel.registration.ssh.config import SSHConfig, SSHTemplateConfig
from newel.registration.ssh.keys import SSHKeys
from newel.runtime.errors import ErrorType, NewelError

if TYPE_CHECKING:
    from newel.registration.ssh.client_files import ClientFile


class SSHConfiguration:
    """Renders the files of ``/ssh/config``, and knows the bastion."""

    def __init__(self, config: SSHConfig) -> None:
        """Compile the templates. Raises ConfigError."""
        self._files = {
            "user": _compile(config.user_templates),
            "host": _compile(config.host_templates),
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
        from newel.registration.ssh.client_files import build_variables

        visible = build_variables(data, self._data, keys.known)
        return [file.render(visible, now) for file in files]


def _compile(templates: Sequence[SSHTemplateConfig]) -> "list[ClientFile]":
    """Compile the templates; without any their language is not loaded. Raises ConfigError."""
    if not templates:
        return []
    from newel.registration.ssh.client_files import compile_file

    return [compile_file(each) for each in templates]
