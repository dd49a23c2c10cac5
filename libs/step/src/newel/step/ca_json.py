"""``config/ca.json`` and ``config/defaults.json`` as the step tools read and write them.

``read`` accepts what the step tools accept; an authority starts from ``read_strictly`` alone, which
names everything it cannot apply. Writing keeps their order and layout: tabs, no newline at the end.
A ``newel`` section holds the settings that the format lacks; step-ca ignores it.
"""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from newel.durations.go import parse_duration
from newel.step import ca_json_check, provisioners
from newel.step.messages import TLSOptions
from newel.step.policies import PolicyConfig
from newel.step.provisioners import Claims, ProvisionerConfig

BACKDATE = dt.timedelta(minutes=1)


class Logger(msgspec.Struct, omit_defaults=True, rename="camel"):
    """How the authority logs: ``text``, ``json`` or ``common``."""

    format: str = ""
    trace_header: str = ""


class KMS(msgspec.Struct, omit_defaults=True, rename="camel"):
    """The key service that holds the authority's keys; without it they are files."""

    type: str = ""
    uri: str = ""
    region: str = ""
    profile: str = ""
    credentials_file: str = ""
    pin: str = ""


class DB(msgspec.Struct, rename="camel"):
    """Where the authority keeps its state: its own files, or a PostgreSQL server."""

    type: str = ""
    data_source: str = ""
    badger_file_loading_mode: str = ""
    database: str | msgspec.UnsetType = msgspec.UNSET


class SSH(msgspec.Struct, omit_defaults=True, rename="camel"):
    """The SSH authority's keys: paths or key URIs."""

    host_key: str = ""
    user_key: str = ""
    keys: list[dict[str, Any]] | None = None
    """Further keys: ``type``, ``federated`` and the ``key``, a JWK."""
    bastion: dict[str, Any] | None = None
    add_user_principal: str = ""
    add_user_command: str = ""


class CRL(msgspec.Struct, omit_defaults=True, rename="camel"):
    """Revocation lists."""

    enabled: bool = False
    generate_on_revoke: bool = False
    cache_duration: str = ""
    renew_period: str = ""
    idp_url: str = msgspec.field(default="", name="idpURL")


class Authority(msgspec.Struct, omit_defaults=True, rename="camel"):
    """Who may ask the authority for certificates, and within which limits."""

    provisioners: list[dict[str, Any]] | None = None
    claims: Claims | None = None
    template: dict[str, Any] | None = None
    policy: PolicyConfig | None = None
    backdate: str = ""
    disable_issued_at_check: bool = False
    disable_get_ssh_hosts: bool = msgspec.field(default=False, name="disableGetSSHHosts")
    enable_admin: bool = False
    authority_id: str = msgspec.field(default="", name="authorityId")

    def parse_provisioners(self) -> list[ProvisionerConfig]:
        """Return the provisioners as records. Raises ValueError for an unknown kind."""
        return [provisioners.from_mapping(item) for item in self.provisioners or []]

    @property
    def backdate_duration(self) -> dt.timedelta:
        """How long before it is issued a certificate becomes valid."""
        return parse_duration(self.backdate) if self.backdate else BACKDATE


class CAConfig(msgspec.Struct, rename="camel", kw_only=True):
    """The whole file. ``root`` may name several files."""

    root: str | list[str] = ""
    federated_roots: list[str] | None = None
    crt: str = ""
    key: str = ""
    address: str = ""
    insecure_address: str = ""
    metrics_address: str = ""
    dns_names: list[str] | None = None
    kms: KMS | None = None
    ssh: SSH | None = None
    logger: Logger | None = None
    db: DB | None = None
    authority: Authority | None = None
    tls: TLSOptions | None = None
    templates: dict[str, Any] | None = None
    crl: CRL | None = None
    common_name: str = ""
    newel: dict[str, Any] | None = None

    @property
    def roots(self) -> list[str]:
        """``root`` as a list of paths."""
        return [self.root] if isinstance(self.root, str) else self.root


class CheckedConfig(NamedTuple):
    """A configuration that was read strictly."""

    config: CAConfig
    document: dict[str, Any]
    """The same as plain JSON, members spelled as the step tools write them."""
    warnings: list[ca_json_check.Setting]
    """Settings without effect, each with the reason."""


def read_strictly(data: bytes | str) -> CheckedConfig:
    """Parse the ca.json of an authority that is to run.

    Raises ValueError that names, by their paths, every unknown member and every one that decides
    who gets what and is not implemented.
    """
    document, findings = ca_json_check.check_document(ca_json_check.parse_document(data))
    findings.raise_for_refused()
    try:
        config = msgspec.convert(document, CAConfig)
    except msgspec.ValidationError as error:
        raise ca_json_check.add_path(error, "") from None
    for index, record in enumerate((config.authority and config.authority.provisioners) or ()):
        provisioners.from_mapping(record, f"authority.provisioners[{index}]")
    return CheckedConfig(config, document, findings.warned)


_OPTIONAL = (
    "metricsAddress",
    "kms",
    "ssh",
    "logger",
    "db",
    "templates",
    "crl",
    "commonName",
    "newel",
)


def read(data: bytes | str) -> CAConfig:
    """Parse ca.json. Raises ValueError with the member at fault."""
    return msgspec.json.decode(data, type=CAConfig)


def write(config: CAConfig | Mapping[str, Any]) -> str:
    """Return the file's text. A mapping (plain JSON that was edited) keeps every member."""
    if isinstance(config, CAConfig):
        built: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(config))
        members = {k: v for k, v in built.items() if v or k not in _OPTIONAL}
    else:
        members = dict(config)
    return json.dumps(members, indent="\t", ensure_ascii=False)


class Defaults(msgspec.Struct, omit_defaults=True, rename="kebab"):
    """``defaults.json``: values of flags the user need not type."""

    ca_url: str = ""
    ca_config: str = ""
    fingerprint: str = ""
    root: str = ""
    redirect_url: str = ""
    provisioner: str = ""
    min_password_length: int = 0


def read_defaults(data: bytes | str) -> Defaults:
    """Parse defaults.json; other flags' values are ignored. Raises ValueError."""
    return msgspec.json.decode(data, type=Defaults)


def write_defaults(defaults: Defaults, *, indent: str = "\t") -> str:
    """Return the file's text: tabs as ``ca init`` writes it, two blanks as ``ca bootstrap`` does."""
    return json.dumps(msgspec.json.decode(msgspec.json.encode(defaults)), indent=indent)
