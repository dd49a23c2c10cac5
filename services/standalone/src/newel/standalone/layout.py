"""The state folder, laid out as a STEPPATH."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """Names of everything that is kept under one folder."""

    state: Path
    given_password: Path | None = None
    """The file with the keys' password, where the command line names one."""
    given_http: str = ""
    """The plain HTTP address, where the command line names one."""

    @property
    def root_certificate(self) -> Path:
        """PEM."""
        return self.state / "certs/root_ca.crt"

    @property
    def intermediate_certificate(self) -> Path:
        """PEM."""
        return self.state / "certs/intermediate_ca.crt"

    @property
    def responder_certificate(self) -> Path:
        """PEM: the OCSP responder's."""
        return self.state / "certs/ocsp_responder.crt"

    @property
    def ca_json(self) -> Path:
        """The configuration."""
        return self.state / "config/ca.json"

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
        return self.state / "secrets/ocsp_responder_key"

    @property
    def password(self) -> Path:
        """The keys' password, 0600, when no password file was named."""
        return self.state / "secrets/password"

    @property
    def ceremony(self) -> Path:
        """The record of what the first start made."""
        return self.state / "config/ceremony.json"

    def database(self, service: str) -> str:
        """The URL of one service's database."""
        return f"sqlite:///{self.state}/db/{service}.sqlite"

    @property
    def audit(self) -> Path:
        """The audit trail of every service of this process."""
        return self.state / "log/audit.log"

    @property
    def lock(self) -> Path:
        """Held by whoever runs this state."""
        return self.state / "db/lock"
