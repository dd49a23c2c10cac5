"""The program of ``make split``."""

import argparse
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TextIO

import deploy.split
from deploy.split import first_administrator, first_start, parts
from deploy.split.adapting import write_configurations
from deploy.split.banner import banner
from deploy.split.layout import PORTS_TAKEN, Addresses, Layout
from deploy.split.supervisor import NotReadyError, Supervisor
from newel.crypto import pem
from newel.runtime.http.listener import bind
from newel.step.fingerprint import fingerprint


def parse(arguments: list[str]) -> tuple[Layout, Addresses, bool]:
    """Read the command line: where everything is, and whether SSH is to be added."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, prog="make split", description=deploy.split.__doc__
    )
    add = parser.add_argument
    add("--state", type=Path, metavar="DIR", default=Path("var/split"))
    add("--address", metavar="HOST:PORT", default="127.0.0.1:9000", help="HTTPS: step API and ACME")
    add("--http-address", metavar="HOST:PORT", default="127.0.0.1:9080", help="HTTP: OCSP and CRL")
    add(
        "--ports",
        type=int,
        metavar="FIRST",
        default=9100,
        help=f"{PORTS_TAKEN} loopback ports for the rest",
    )
    add("--workers", type=int, metavar="N", default=1, help="of registration and issuing, up to 10")
    add("--ssh", action="store_true", help="certificates for SSH too; later starts keep them")
    given = parser.parse_args(arguments)
    if not 1 <= given.workers <= 10:
        parser.error("--workers: 1 to 10")
    layout = Layout(given.state.resolve())
    addresses = Addresses(given.address, given.http_address, given.ports, given.workers)
    return layout, addresses, given.ssh


def prepare(layout: Layout, addresses: Addresses, *, ssh: bool) -> bool:
    """Make folders, configurations and what is made once; return whether this is the first start."""
    for folder in (
        layout.config,
        layout.extra,
        layout.hold,
        layout.log,
        layout.data,
        layout.state / "run",
    ):
        folder.mkdir(parents=True, exist_ok=True)
    layout.log.chmod(0o700)
    module = parts.pkcs11_module()
    write_configurations(layout, addresses, module)
    os.environ["SOFTHSM2_CONF"] = str(layout.config / "softhsm2.conf")
    plan = layout.config / "ceremony-ssh.toml" if ssh else None
    first = first_start.make(layout, layout.config / "ceremony.toml", plan)
    write_configurations(layout, addresses, module)  # with what the keys made now allow
    root = fingerprint(pem.decode(layout.root.read_bytes()))
    port = addresses.https.rpartition(":")[2]
    internal = str(layout.certs / "internal_root.crt")
    defaults = {
        "ca-url": f"https://localhost:{port}",
        "fingerprint": root,
        # what answers administrators shows a certificate of the internal root
        "inventory-url": f"https://localhost:{addresses.ports['inventory https']}",
        "inventory-root": internal,
        "alerting-url": f"https://localhost:{addresses.ports['alerting https']}",
        "alerting-root": internal,
        "dashboard-url": f"https://localhost:{addresses.ports['dashboard https']}",
        "dashboard-root": internal,
    }
    (layout.config / "defaults.json").write_text(json.dumps(defaults, indent=2) + "\n")
    return first


def run(layout: Layout, addresses: Addresses, *, ssh: bool) -> int:
    """Start everything, print where it is, and end it when told to."""
    held = lock(layout)
    check(addresses)
    first = prepare(layout, addresses, ssh=ssh)
    postgres = parts.Postgres(layout, addresses.ports["postgres"])
    postgres.create()
    supervisor = Supervisor(layout)
    signer, issuing, *others = parts.services(layout, addresses)
    try:
        supervisor.bring_up(
            [postgres.part(), parts.nats(layout, addresses.ports["nats http"]), signer]
        )
        if not supervisor.stopping:
            postgres.prepare()
            supervisor.bring_up([issuing])
        if not supervisor.stopping:
            supervisor.bring_up(others)
        if not supervisor.stopping:
            first_administrator.make(layout)
            sys.stdout.write(banner(layout, addresses, first=first))
            sys.stdout.flush()
        supervisor.watch(first_administrator.Keeper(layout).look)
    finally:
        status = supervisor.end()
        held.close()
    return status


def check(addresses: Addresses) -> None:
    """Look for every program and port before anything is made. Raises MissingError."""
    for name in ("initdb", "postgres", "psql", "nats-server", "softhsm2-util"):
        parts.program(name)
    parts.pkcs11_module()
    wanted = [
        (addresses.https, "PORT=… or --address"),
        (addresses.http, "HTTP_PORT=… or --http-address"),
    ]
    ports = addresses.ports.values()
    wanted += [
        (f"127.0.0.1:{port}", f'OPTIONS="--ports FIRST", now {addresses.first}') for port in ports
    ]
    for address, flag in wanted:
        try:
            bind(address).close()
        except OSError as error:
            raise parts.MissingError(f"{error.strerror}; choose another by {flag}") from None


def lock(layout: Layout) -> TextIO:
    """Lock the state for this program alone. Raises MissingError when another one has it."""
    layout.state.mkdir(mode=0o711, parents=True, exist_ok=True)
    file = (layout.state / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise parts.MissingError(f"{layout.state} is in use by another 'make split'") from None
    return file


def main(arguments: list[str]) -> int:
    """Run the command and return the exit status."""
    layout, addresses, ssh = parse(arguments)
    try:
        return run(layout, addresses, ssh=ssh)
    except (parts.MissingError, NotReadyError, OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"make split: {error}\n")
        said: bytes | str = getattr(error, "stderr", None) or ""
        sys.stderr.write(said if isinstance(said, str) else said.decode())
        return 1
