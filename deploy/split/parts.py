"""The processes of a split deployment: how each is started, when it is ready, how it is told to end."""

import http.client
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.split.adapting import refresh_configuration
from deploy.split.layout import SERVICES, SHARED, Addresses, Layout


class MissingError(Exception):
    """A program this machine does not have, or a place it cannot be run in."""


@dataclass(frozen=True, slots=True)
class Part:
    """One process. ``ready`` answers without raising; ``prepare`` is called before each start."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool]
    user: str | None = None
    stop: signal.Signals = signal.SIGTERM
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    prepare: Callable[[], None] = lambda: None


def program(name: str) -> str:
    """Where a program is; PostgreSQL's are not on Debian's PATH. Raises MissingError."""
    found = [
        shutil.which(name),
        *sorted(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))),
    ]
    usable = [each for each in found if each]
    if not usable:
        raise MissingError(f"{name} is not installed; Debian: postgresql nats-server softhsm2")
    return usable[-1]


def end_with_parent(stop: signal.Signals, *command: str) -> tuple[str, ...]:
    """Wrap the command of a foreign program, which gets ``stop`` when its parent is gone.

    Services of our own watch for that themselves (``newel.runtime.process.parent``).
    """
    setpriv = shutil.which("setpriv")  # of util-linux, so on every Linux
    return (setpriv, "--pdeathsig", stop.name, "--", *command) if setpriv else command


def pkcs11_module() -> Path:
    """SoftHSM's library. Raises MissingError."""
    for folder in ("/usr/lib/softhsm", "/usr/lib64/softhsm", "/usr/local/lib/softhsm"):
        path = Path(folder) / "libsofthsm2.so"
        if path.exists():
            return path
    for path in Path("/usr/lib").glob("*/softhsm/libsofthsm2.so"):
        return path
    raise MissingError("libsofthsm2.so is not installed; Debian: softhsm2")


@dataclass(frozen=True, slots=True)
class Postgres:
    """The cluster. As root it belongs to ``postgres``, because PostgreSQL refuses to be root."""

    layout: Layout
    port: int

    @property
    def user(self) -> str | None:
        """Whose it is; None: ours."""
        return "postgres" if os.geteuid() == 0 else None

    @property
    def folder(self) -> Path:
        """Its files."""
        return self.layout.data / "postgres"

    def create(self) -> None:
        """Create the cluster when there is none, with its configuration. Raises MissingError."""
        secret = self.layout.secrets("postgres")
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self.user:
            try:
                pwd.getpwnam(self.user)
            except KeyError:
                raise MissingError(
                    "PostgreSQL refuses to be root, and there is no user postgres"
                ) from None
            for path in (self.folder, secret, *secret.iterdir()):
                shutil.chown(path, self.user)
            reached = subprocess.run(["test", "-r", secret], user=self.user, check=False)
            if reached.returncode:
                raise MissingError(
                    f"the user postgres cannot enter {self.layout.state}: chmod o+x its parents"
                )
        if not (self.folder / "PG_VERSION").exists():
            subprocess.run(
                [
                    program("initdb"), "-D", str(self.folder), "-U", "postgres", "-A", "scram-sha-256",
                    "--pwfile", str(secret / "superuser.password"), "-E", "UTF8", "--locale", "C",
                ],
                user=self.user, cwd=self.folder, check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip # a command line

    def part(self) -> Part:
        """Define the server."""
        settings = f"config_file={self.layout.config / 'postgresql.conf'}"
        postgres = program("postgres"), "-D", str(self.folder), "-c", settings
        command = end_with_parent(signal.SIGINT, *postgres)
        return Part("postgres", command, self._lets_in, self.user, signal.SIGINT)

    def _lets_in(self) -> bool:
        """Tell whether it lets clients in: after a crash it listens before it has recovered."""
        ask = program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)
        return subprocess.run(ask, check=False).returncode == 0

    def prepare(self) -> None:
        """Roles and schemas, by the script every shape uses."""
        secret = (self.layout.secrets("postgres") / "superuser.password").read_text().strip()
        environment = {
            **os.environ,
            "PGHOST": "localhost",
            "PGPORT": str(self.port),
            "PGUSER": "postgres",
            "PGPASSWORD": secret,
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(self.layout.certs / "internal_root.crt"),
            "PGOPTIONS": "-c client_min_messages=warning",
        }
        script = SHARED / "postgres/database.sql"
        variables = f"secrets={self.layout.state / 'secrets'}"
        subprocess.run(
            [program("psql"), "-qX", "-v", variables, "-f", str(script), "postgres"],
            env=environment, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip # a command line


def nats(layout: Layout, port: int) -> Part:
    """Define the NATS server."""
    server = program("nats-server"), "-c", str(layout.config / "nats.conf")
    command = end_with_parent(signal.SIGINT, *server)
    return Part("nats", command, lambda: _answers(port, "/healthz"), stop=signal.SIGINT)


def service(name: str, layout: Layout, addresses: Addresses) -> Part:
    """One of the services."""
    command = (
        sys.executable,
        "-m",
        f"newel.{name}",
        "--config",
        str(layout.config / f"{name}.toml"),
    )
    env = {"SOFTHSM2_CONF": str(layout.config / "softhsm2.conf")} if name == "signer" else {}
    port = addresses.ports[f"{name} health"]
    module = pkcs11_module()

    def prepare() -> None:
        refresh_configuration(f"{name}.toml", layout, addresses, module)

    return Part(name, command, lambda: _answers(port, "/readyz"), env=env, prepare=prepare)


def services(layout: Layout, addresses: Addresses) -> list[Part]:
    """Define the services, in the order they are started."""
    return [service(name, layout, addresses) for name in SERVICES]


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
