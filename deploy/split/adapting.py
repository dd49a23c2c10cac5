"""The shared configurations made those of one machine: only paths, addresses and the number of workers change."""

import re
from pathlib import Path

from deploy.split.layout import SERVICES, SHARED, Addresses, Layout

FILES = {
    **{f"{service}.toml": SHARED / "config" / f"{service}.toml" for service in SERVICES},
    **{
        f"{name}.toml": SHARED / "config" / f"{name}.toml"
        for name in (
            "ceremony",
            "ceremony-crl",
            "ceremony-dashboard",
            "ceremony-responder",
            "ceremony-services",
            "ceremony-ssh",
            "ceremony-ssh-next",
        )
    },
    "softhsm2.conf": SHARED / "config/softhsm2.conf",
    "nats.conf": SHARED / "nats/nats.conf",
    "postgresql.conf": SHARED / "postgres/postgresql.conf",
    "pg_hba.conf": SHARED / "postgres/pg_hba.conf",
}

MANY = ("registration", "issuing")
"""Services that may have several workers."""


def write_configurations(layout: Layout, addresses: Addresses, module: Path) -> None:
    """Every shared file as it is used here; ``module`` is the PKCS #11 library."""
    for name in FILES:
        write_configuration(name, layout, addresses, module)


def write_configuration(name: str, layout: Layout, addresses: Addresses, module: Path) -> None:
    """One shared file as it is used here, and what is added to it."""
    owner = name.partition(".")[0].replace("pg_hba", "postgres").replace("postgresql", "postgres")
    text = FILES[name].read_text()
    more = SHARED / "config/ssh" / name
    if layout.ssh and more.exists():
        text += f"\n{more.read_text()}"
    text = adapt(text, owner, layout, addresses, module)
    extra = layout.extra / name
    if extra.exists():
        text += f"\n# {extra}\n{extra.read_text()}"
    (layout.config / name).write_text(text)


def refresh_configuration(name: str, layout: Layout, addresses: Addresses, module: Path) -> None:
    """Add what is new since the file was written, or drop it; changes made in the file stay."""
    extra, used = layout.extra / name, layout.config / name
    kept, added, _ = used.read_text().partition(f"\n# {extra}\n")
    if added and not extra.exists():
        used.write_text(kept)
    elif extra.exists() and extra.stat().st_mtime > used.stat().st_mtime:
        write_configuration(name, layout, addresses, module)


def adapt(text: str, owner: str, layout: Layout, addresses: Addresses, module: Path) -> str:
    """One file's text, its conventional places put by those of this machine, all at one go."""
    places = {**_paths(layout, module), **_addresses(owner, addresses)}
    either = "|".join(re.escape(place) for place in sorted(places, key=len, reverse=True))
    return re.sub(either, lambda match: places[match[0]], text)


def _paths(layout: Layout, module: Path) -> dict[str, str]:
    return {
        "/etc/newel/postgres/pg_hba.conf": str(layout.config / "pg_hba.conf"),
        "/etc/newel": str(layout.state),
        "/var/lib/newel": str(layout.data),
        "/var/log/newel": str(layout.log),
        "/var/run/postgresql": "",  # no socket: a state's path may be longer than a socket's name
        "/usr/lib/softhsm/libsofthsm2.so": str(module),
    }


def _addresses(owner: str, addresses: Addresses) -> dict[str, str]:
    """Within containers each service has its own loopback and the same ports; here they differ."""
    ports = addresses.ports
    found = {
        "0.0.0.0:9000": addresses.https,
        "0.0.0.0:9080": addresses.http,
        "localhost:9080": f"localhost:{addresses.http.rpartition(':')[2]}",
        "registration:9000": f"localhost:{addresses.https.rpartition(':')[2]}",
        "localhost:9000": f"localhost:{addresses.https.rpartition(':')[2]}",
        "validation:9080": f"localhost:{addresses.http.rpartition(':')[2]}",
        "0.0.0.0:4222": f"127.0.0.1:{ports['nats']}",
        "127.0.0.1:8222": f"127.0.0.1:{ports['nats http']}",
        "nats:4222": f"localhost:{ports['nats']}",
        "postgres:5432": f"localhost:{ports['postgres']}",
        "port = 5432": f"port = {ports['postgres']}",
        "listen_addresses = '0.0.0.0'": "listen_addresses = '127.0.0.1'",
    }
    for service in SERVICES:
        found[f"{service}:9100"] = f"127.0.0.1:{ports[f'{service} health']}"
        if f"{service} https" in ports:
            found[f"{service}:9443"] = f"localhost:{ports[f'{service} https']}"
        if f"{service} grpc" in ports:
            found[f"{service}:9090"] = f"127.0.0.1:{ports[f'{service} grpc']}"
    if f"{owner} grpc" in ports:
        found["0.0.0.0:9090"] = f"127.0.0.1:{ports[f'{owner} grpc']}"
    if f"{owner} https" in ports:
        found["0.0.0.0:9443"] = f"127.0.0.1:{ports[f'{owner} https']}"
    if f"{owner} health" in ports:
        found["0.0.0.0:9100"] = f"127.0.0.1:{ports[f'{owner} health']}"
    if owner in MANY:
        found["workers = 1"] = f"workers = {addresses.workers}"
    return found
