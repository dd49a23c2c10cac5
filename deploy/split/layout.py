"""Where everything of a split deployment is on one machine: folders under one state, and ports."""

import itertools
from dataclasses import dataclass
from pathlib import Path

SERVICES = (
    "signer",
    "issuing",
    "validation",
    "inventory",
    "alerting",
    "registration",
    "dashboard",
)
"""In the order they are started."""
SHARED = Path(__file__).parent.parent
"""``deploy/``: the configurations every shape shares."""

_CALLED = ("signer", "issuing", "inventory")
_ADMINISTRATED = ("inventory", "alerting", "dashboard")
_MOST_WORKERS = 10


@dataclass(frozen=True, slots=True)
class Layout:
    """The state's folders. It is laid out as a STEPPATH: ``STEPPATH=STATE step …`` works."""

    state: Path

    @property
    def certs(self) -> Path:
        """What everybody may read."""
        return self.state / "certs"

    @property
    def root(self) -> Path:
        """PEM."""
        return self.certs / "root_ca.crt"

    @property
    def config(self) -> Path:
        """The configurations as they are used here; made again at each start."""
        return self.state / "config"

    @property
    def ssh(self) -> bool:
        """Whether there are keys of SSH CAs, which ``--ssh`` makes."""
        return (self.certs / "ssh_user_ca_key.pub").exists()

    @property
    def templates(self) -> Path:
        """The templates of clients' and hosts' SSH configuration; people may edit them."""
        return self.state / "templates/ssh"

    @property
    def extra(self) -> Path:
        """``<service>.toml``: what is added to a configuration here, tables the shared one has not."""
        return self.state / "extra"

    @property
    def hold(self) -> Path:
        """A file named as a part keeps that part down until it is removed."""
        return self.state / "hold"

    @property
    def log(self) -> Path:
        """Logs and audit trails."""
        return self.state / "log"

    @property
    def data(self) -> Path:
        """PostgreSQL's cluster, NATS's stream, SoftHSM's tokens."""
        return self.state / "data"

    @property
    def password(self) -> Path:
        """Of the provisioner "admin"."""
        return self.state / "secrets/password"

    def secrets(self, owner: str) -> Path:
        """Return the folder that only ``owner`` reads: a service, "postgres", "nats" or "offline"."""
        return self.state / "secrets" / owner


@dataclass(frozen=True, slots=True)
class Addresses:
    """Who listens where on the loopback. What outsiders use is chosen, the rest is counted up from ``first``."""

    https: str  # host:port of the registration authority
    http: str  # host:port of the validation authority
    first: int
    workers: int = 1

    @property
    def ports(self) -> dict[str, int]:
        """The ports for internal use, by name, such as "postgres" and "issuing grpc"."""
        counter = itertools.count(self.first)
        found = {name: next(counter) for name in ("postgres", "nats", "nats http")}
        found |= {f"{service} https": next(counter) for service in _ADMINISTRATED}
        found |= {f"{service} grpc": next(counter) for service in _CALLED}
        for service in SERVICES:
            found[f"{service} health"] = next(counter)
            for _ in range(_MOST_WORKERS - 1):  # a further worker has them one port higher
                next(counter)
        return found


PORTS_TAKEN = 3 + len(_ADMINISTRATED) + len(_CALLED) + len(SERVICES) * _MOST_WORKERS
"""How many ports from ``first`` on are ours."""
