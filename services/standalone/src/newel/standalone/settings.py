"""``config/ca.json`` of the embedded authority: the step tools' format with a ``newel`` section."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import Field

from newel.alerting.config import Config as AlertingConfig
from newel.crypto import names
from newel.crypto.dns_names import InvalidNameError, NameRules
from newel.dashboard.config import Config as DashboardConfig
from newel.inventory.config import Config as InventoryConfig
from newel.runtime.config import Config, ConfigError, validate
from newel.runtime.http.addresses import parse_address
from newel.runtime.http.connection_limits import ConnectionLimits
from newel.standalone.databases import is_postgresql, postgresql_url
from newel.standalone.key_stores import find_service, is_in_service, read_service_key
from newel.standalone.layout import Layout
from newel.standalone.paths import Paths
from newel.step import ca_json
from newel.step.ca_json_check import RefusedMembersError, lines

HOSTS = NameRules(wildcards=False, underscores=True)
MOST_NAMES = 256
LONGEST_COMMON_NAME = 64


class FormerIssuer(Config):
    """An issuing certificate that issues no more; the status of what it issued is served on."""

    crt: str
    key: str
    """Encrypted, under the same password as the others."""


class NewelSection(Config):
    """What ca.json's own format has no word for. Unknown keys are errors, as in every service."""

    password_file: Path | None = None
    """The password of the keys; ``secrets/password`` when not given."""
    http_url: str = ""
    """Where relying parties reach the plain HTTP address; ``http://<first dnsName>:<port>`` when not given."""
    former_issuers: tuple[FormerIssuer, ...] = ()
    connections: ConnectionLimits = ConnectionLimits()
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    access_log: bool = True
    signer: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Replaces settings of the signer's keys; see ``deploy/config/signer.toml`` for their names."""
    issuing: dict[str, Any] = Field(default_factory=dict[str, Any])
    registration: dict[str, Any] = Field(default_factory=dict[str, Any])
    validation: dict[str, Any] = Field(default_factory=dict[str, Any])
    inventory: InventoryConfig = InventoryConfig()
    alerting: AlertingConfig = AlertingConfig()
    dashboard: DashboardConfig = DashboardConfig()


class Settings:
    """The file, read: the step part as its own record, ours as a checked model."""

    def __init__(self, layout: Layout, checked: ca_json.CheckedConfig, newel: NewelSection) -> None:
        self.layout = layout
        self.newel = newel
        self.raw = checked.document
        """The same as plain JSON, paths as they stand there."""
        self.warnings = [*lines(checked.warnings), *self._list_lost()]
        """A line for each thing that the file asks for and that is not there."""
        self.ca = Paths(layout).anchor_all(checked.config)
        if self.ca.authority is None:
            raise ConfigError(f"{layout.ca_json}: authority: missing")
        self.authority = self.ca.authority

    def _list_lost(self) -> list[str]:
        """Return a line if the section that the first start wrote is gone.

        The original's step keeps only the members that it knows when it changes the file.
        """
        if "newel" in self.raw or not self.layout.administrator_key.exists():
            return []
        line = (
            "newel: this section is missing, which the first start wrote, and no one is an administrator of the"
            " inventory; the 'step ca provisioner' of step-ca leaves it out when it changes the file. Put it back"
            " (docs/provisioners.md)"
        )
        return [line]

    @property
    def dns_names(self) -> tuple[str, ...]:
        """Names and addresses clients use, IPv6 without brackets."""
        return tuple(map(without_brackets, self.ca.dns_names or ("localhost", "127.0.0.1", "::1")))

    @property
    def http_address(self) -> str:
        """Where OCSP, CRL and the issuer are served without TLS; "" for nowhere."""
        return self.layout.given_http or self.ca.insecure_address

    @property
    def http_url(self) -> str:
        """The base of OCSP, CRL and issuer URLs in certificates; "" when there is no HTTP address."""
        given = self.layout.given_http_url or self.newel.http_url
        if given or not self.http_address:
            return given.rstrip("/")
        return plain_url(self.dns_names[0], self.http_address)

    @property
    def crl_url(self) -> str:
        """Where the operator says that the revocation list is; "" for below ``http_url``."""
        return self.ca.crl.idp_url if self.ca.crl else ""

    @property
    def uses_postgresql(self) -> bool:
        """Whether the databases are on a PostgreSQL server, which several machines may share."""
        return is_postgresql(self.ca.db)

    def database(self, service: str) -> str:
        """Return the URL of one service's database."""
        db = self.ca.db
        if db is not None and is_postgresql(db):
            return postgresql_url(db, service)
        return self.layout.database(service)

    @property
    def former_issuers(self) -> list[tuple[str, str, str]]:
        """The signer's name for the key, the certificate's file and the key's file of each."""
        paths = Paths(self.layout)
        return [
            (
                f"former-{number}",
                paths.anchor(each.crt),
                paths.anchor_key(self.ca.kms, each.key),
            )
            for number, each in enumerate(self.newel.former_issuers, 1)
        ]

    def key_store(self, key: str, password_file: Path) -> dict[str, Any]:
        """Return the signer's settings of a key: a file under this password, or a key in a service."""
        if is_in_service(self.ca.kms, key):
            return read_service_key(self.ca.kms, key)
        return {"kind": "file", "path": key, "password_file": password_file}

    @property
    def password_file(self) -> Path:
        """The file with the keys' password."""
        own = self.newel.password_file
        named = Path(Paths(self.layout).anchor(str(own))) if own else self.layout.password
        return self.layout.given_password or named


def plain_url(name: str, http_address: str) -> str:
    """Where clients that know the authority by this name find its plain HTTP address."""
    port = http_address.rpartition(":")[2]
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"


def read_settings(layout: Layout) -> Settings:
    """Read ca.json. Raises ConfigError, which names every faulty member."""
    try:
        checked = ca_json.read_strictly(layout.ca_json.read_bytes())
        newel = read_newel_section(layout, checked.config.newel or {})
        check_values(layout, checked.config, newel)
    except OSError as error:
        raise ConfigError(f"{layout.ca_json}: {(error.strerror or str(error)).lower()}") from None
    except RefusedMembersError as error:
        raise ConfigError(f"{layout.ca_json}: {error}", error.refused) from None
    except ValueError as error:
        raise ConfigError(f"{layout.ca_json}: {error}") from None
    return Settings(layout, checked, newel)


def read_newel_section(layout: Layout, section: dict[str, Any]) -> NewelSection:
    """Read the ``newel`` section of ca.json. Raises ConfigError, which names every faulty member."""
    return validate(NewelSection, snake(section), f"{layout.ca_json}: newel", spell=camel)


def check_values(layout: Layout, ca: ca_json.CAConfig, newel: NewelSection) -> None:
    """Check what the schema of the file does not. Raises ValueError with the faulty member."""
    if not ca.crt or not ca.key:
        # so does step's configuration of a registration authority, which someone else issues for
        raise ValueError("crt, key: missing; nothing is here to issue with")
    if not any(ca.roots):
        raise ValueError("root: missing")
    if not newel.signer.get("keys"):
        check_keys(ca, newel)
    for name, address in (
        ("address", ca.address),
        ("insecureAddress", ca.insecure_address),
        ("metricsAddress", ca.metrics_address),
    ):
        try:
            if address:
                parse_address(address)
        except ValueError as error:
            raise ValueError(f"{name}: cannot listen: {error}") from None
    if not all(ca.federated_roots or ()):
        raise ValueError(f"federatedRoots[{list(ca.federated_roots or ()).index('')}]: missing")
    if len(ca.common_name) > LONGEST_COMMON_NAME:
        raise ValueError(f"commonName: it is longer than {LONGEST_COMMON_NAME} characters")
    check_server_names(ca.dns_names or (), "dnsNames[{}]")
    if ca.db and is_postgresql(ca.db):
        postgresql_url(ca.db, "")
    database = ca.db.data_source if ca.db and ca.db.type == "newel" else ""
    if database and Path(Paths(layout).anchor(database)) != layout.state / "db":
        raise ValueError(
            f"db.dataSource: the databases are in {layout.state / 'db'} and nowhere else"
        )


def check_keys(ca: ca_json.CAConfig, newel: NewelSection) -> None:
    """Check the names of keys in a key service. Raises ValueError with the faulty member."""
    find_service(ca.kms)
    named = [("key", ca.key)]
    if ca.ssh:
        named += [("ssh.hostKey", ca.ssh.host_key), ("ssh.userKey", ca.ssh.user_key)]
    named += [
        (f"newel.formerIssuers[{index}].key", each.key)
        for index, each in enumerate(newel.former_issuers)
    ]
    for member, key in named:
        try:
            if is_in_service(ca.kms, key):
                read_service_key(ca.kms, key)
        except ValueError as error:
            raise ValueError(f"{member}: {error}") from None


def check_server_names(given: Sequence[str], place: str) -> None:
    """Check the names by which clients reach this server. Raises ValueError.

    ``place`` is where they stand, with ``{}`` for the index. The first one begins the URLs in certificates,
    so nothing will do that is no host.
    """
    if len(given) > MOST_NAMES:
        raise ValueError(
            f"{place.format(MOST_NAMES)}: a certificate has at most {MOST_NAMES} names"
        )
    for index, text in enumerate(given):
        try:
            name = names.parse_san(without_brackets(text), HOSTS)
        except InvalidNameError as error:
            raise ValueError(f"{place.format(index)}: {error}") from None
        if not isinstance(name, names.DNSName | names.IPAddress):
            raise ValueError(  # noqa: TRY004 - of a configuration
                f"{place.format(index)}: not a domain name or address: {text!r}; write the host alone,"
                " and the port in address"
            )


def without_brackets(name: str) -> str:
    """Remove the brackets of an IPv6 address in a URL."""
    return name[1:-1] if name.startswith("[") and name.endswith("]") else name


def snake(value: Any) -> Any:
    """CamelCase keys, which ca.json uses, as the snake_case of the services' models.

    Keys below ``provisioners`` are names people chose and stay as they are.
    """
    if isinstance(value, list):
        return [snake(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    return {
        "".join(f"_{char.lower()}" if char.isupper() else char for char in key): (
            inner if key == "provisioners" else snake(inner)
        )
        for key, inner in cast("dict[str, Any]", value).items()
    }


def camel(name: str) -> str:
    """Convert the snake_case of the services' models to the camelCase of ca.json."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def write_settings(path: Path, ca: ca_json.CAConfig) -> None:
    """Write ca.json for the first time."""
    path.write_text(ca_json.write(ca))
