"""``config/ca.json`` of the embedded authority: the step tools' format with a ``newel`` section."""

import json
from pathlib import Path
from typing import Any

from pydantic import Field

from newel.alerting.config import Config as AlertingConfig
from newel.inventory.config import Config as InventoryConfig
from newel.runtime.config import Config, ConfigError, validated
from newel.standalone.layout import Layout
from newel.step import ca_json


class NewelSection(Config):
    """What ca.json's own format has no word for. Unknown keys are errors, as in every service."""

    password_file: Path | None = None
    """The password of the keys; ``secrets/password`` when not given."""
    http_url: str = ""
    """Where relying parties reach the plain HTTP address; ``http://<first dnsName>:<port>`` when not given."""
    log_level: str = "info"
    access_log: bool = True
    signer: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Replaces settings of the signer's keys; see ``deploy/config/signer.toml`` for their names."""
    issuing: dict[str, Any] = Field(default_factory=dict[str, Any])
    registration: dict[str, Any] = Field(default_factory=dict[str, Any])
    validation: dict[str, Any] = Field(default_factory=dict[str, Any])
    inventory: InventoryConfig = InventoryConfig()
    alerting: AlertingConfig = AlertingConfig()


class Settings:
    """The file, read: the step part as its own record, ours as a checked model."""

    def __init__(
        self, layout: Layout, ca: ca_json.CaJson, raw: dict[str, Any], newel: NewelSection
    ) -> None:
        self.layout = layout
        self.ca = ca
        self.raw = raw  # the same as plain JSON
        self.newel = newel
        if ca.authority is None:
            raise ConfigError(f"{layout.ca_json}: authority: missing")
        if not ca.crt or not ca.key:
            # so does step's configuration of a registration authority, which somebody else issues for
            raise ConfigError(f"{layout.ca_json}: crt, key: missing; nothing is here to issue with")
        self.authority = ca.authority

    @property
    def dns_names(self) -> tuple[str, ...]:
        """Names and addresses clients use."""
        return tuple(self.ca.dns_names or ("localhost", "127.0.0.1", "::1"))

    @property
    def http_address(self) -> str:
        """Where OCSP, CRL and the issuer are served without TLS; "" for nowhere."""
        return self.layout.given_http or self.ca.insecure_address

    @property
    def http_url(self) -> str:
        """The base of OCSP, CRL and issuer URLs in certificates; "" when there is no HTTP address."""
        if self.newel.http_url or not self.http_address:
            return self.newel.http_url.rstrip("/")
        port = self.http_address.rpartition(":")[2]
        name = self.dns_names[0]
        return f"http://{f'[{name}]' if ':' in name else name}:{port}"

    @property
    def password_file(self) -> Path:
        """The file with the keys' password."""
        written = self.newel.password_file
        return self.layout.given_password or (
            self.layout.state / written if written else self.layout.password
        )


def read_settings(layout: Layout) -> Settings:
    """Reads ca.json. Raises ConfigError that names what is wrong."""
    try:
        text = layout.ca_json.read_bytes()
        ca = ca_json.read(text)
    except OSError as error:
        raise ConfigError(f"{layout.ca_json}: {(error.strerror or str(error)).lower()}") from None
    except ValueError as error:
        raise ConfigError(f"{layout.ca_json}: {error}") from None
    place(ca, layout)
    section = validated(NewelSection, snake(ca.newel or {}), f"{layout.ca_json}: newel")
    return Settings(layout, ca, json.loads(text), section)


def place(ca: ca_json.CaJson, layout: Layout) -> None:
    """Put relative paths under the state folder."""
    roots = [layout.absolute(path) for path in ca.roots]
    ca.root = roots[0] if isinstance(ca.root, str) else roots
    ca.federated_roots = ca.federated_roots and [*map(layout.absolute, ca.federated_roots)]
    ca.crt, ca.key = layout.absolute(ca.crt), layout.absolute(ca.key)
    if ca.ssh:
        ca.ssh.host_key = layout.absolute(ca.ssh.host_key)
        ca.ssh.user_key = layout.absolute(ca.ssh.user_key)


def snake(value: Any) -> Any:
    """CamelCase keys, which ca.json uses, as the snake_case of the services' models.

    Keys below ``provisioners`` are names people chose and stay as they are.
    """
    if isinstance(value, list):
        return [snake(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        "".join(f"_{char.lower()}" if char.isupper() else char for char in key): (
            inner if key == "provisioners" else snake(inner)
        )
        for key, inner in value.items()
    }


def write_settings(path: Path, ca: ca_json.CaJson) -> None:
    """Writes ca.json for the first time."""
    path.write_text(ca_json.write(ca))
