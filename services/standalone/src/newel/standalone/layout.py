"""The state folder, laid out as a STEPPATH.

What the authority makes while it serves lies under ``db/`` wherever the rest may be read only: the lock, the
databases, and the OCSP responder of an authority that was made elsewhere.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Layout:
    """Names of everything that is kept under one folder."""

    state: Path
    given_password: Path | None = None
    """The file with the keys' password, where the command line names one."""
    given_http: str = ""
    """The plain HTTP address, where the command line names one."""
    given_http_url: str = ""
    """The base of OCSP, CRL and issuer URLs, where the command line names one."""
    given_config: Path | None = None
    """The configuration, where the command line names one."""
    relative_to: Path | None = None
    """A folder where relative paths of ca.json are looked for before the state folder."""
    given_ssh_passwords: tuple[Path, Path] | None = None
    """The files with the passwords of the SSH keys for hosts and for users, where they have their own."""
    given_acme: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Settings of ACME, where the command line makes some."""

    @property
    def root_certificate(self) -> Path:
        """PEM."""
        return self.state / "certs/root_ca.crt"

    @property
    def root_crl(self) -> Path:
        """PEM: made by the ceremony, as the root's key is no service's."""
        return self.state / "certs/root_ca.crl"

    @property
    def intermediate_certificate(self) -> Path:
        """PEM."""
        return self.state / "certs/intermediate_ca.crt"

    @property
    def responder_certificate(self) -> Path:
        """PEM: the OCSP responder's."""
        return self._own("certs/ocsp_responder.crt")

    @property
    def ca_json(self) -> Path:
        """The configuration."""
        return self.given_config or self.state / "config/ca.json"

    @property
    def defaults_json(self) -> Path:
        """What `step` takes its flags' defaults from."""
        return self.state / "config/defaults.json"

    @property
    def root_key(self) -> Path:
        """Encrypted PEM; no running service reads it."""
        return self.state / "secrets/root_ca_key"

    @property
    def intermediate_key(self) -> Path:
        """Encrypted PEM."""
        return self.state / "secrets/intermediate_ca_key"

    @property
    def responder_key(self) -> Path:
        """Encrypted PEM."""
        return self._own("secrets/ocsp_responder_key")

    @property
    def password(self) -> Path:
        """The keys' password, 0600, when no password file was named."""
        return self.state / "secrets/password"

    @property
    def ceremony(self) -> Path:
        """The record of what the first start made."""
        return self._own("config/ceremony.json")

    @property
    def responder_record(self) -> Path:
        """The record of a responder that was made for an authority that had none."""
        return self.state / "db/ocsp_responder.json"

    @property
    def administrator_certificate(self) -> Path:
        """PEM: the first administrator's; the command line finds it here."""
        return self.state / "certs/administrator.crt"

    @property
    def administrator_key(self) -> Path:
        """PEM, not encrypted, 0600."""
        return self.state / "secrets/administrator_key"

    def database(self, service: str) -> str:
        """Return the URL of one service's database."""
        return f"sqlite:///{self.database_file(service)}"

    def database_file(self, service: str) -> Path:
        """Return the file of one service's database."""
        return self.state / f"db/{service}.sqlite"

    @property
    def databases(self) -> Path:
        """JSON: the names of the databases there are."""
        return self.state / "db/databases.json"

    @property
    def audit(self) -> Path:
        """The audit trail of every service of this process."""
        usual = self.state / "log"
        writable = os.access(usual if usual.is_dir() else self.state, os.W_OK)
        return (usual if writable else self.state / "db") / "audit.log"

    @property
    def lock(self) -> Path:
        """Held by anyone who runs this state."""
        return self.state / "db/lock"

    def absolute(self, path: str) -> str:
        """Resolve a path of ca.json: relative ones begin at the state folder, so that the folder can be moved."""
        if not path or ":" in path.partition("/")[0]:
            return path
        if self.relative_to and (self.relative_to / path).exists():
            return str(self.relative_to / path)
        return str(self.state / path)

    def _own(self, path: str) -> Path:
        """Return where a file is: in its first place, or under ``db/`` on every later start."""
        usual, own = self.state / path, self.state / "db" / Path(path).name
        return own if own.exists() or (self.ca_json.exists() and not usual.exists()) else usual
