"""`ca init --helm`: the authority as values of the Helm chart, on stdout instead of in files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from newel.cli.operations.ca_init.configuration import Layout
from newel.cli.store.atomic_write import Target

HOME = Layout(Path("/home/step"))
"""Where the chart's container has its files."""

GROUPS = {
    "root_ca.crt": ("certificates", "root_ca"),
    "intermediate_ca.crt": ("certificates", "intermediate_ca"),
    "ssh_host_ca_key.pub": ("certificates", "ssh_host_ca"),
    "ssh_user_ca_key.pub": ("certificates", "ssh_user_ca"),
    "intermediate_ca_key": ("secrets", "x509", "intermediate_ca_key"),
    "root_ca_key": ("secrets", "x509", "root_ca_key"),
    "ssh_host_ca_key": ("secrets", "ssh", "host_ca_key"),
    "ssh_user_ca_key": ("secrets", "ssh", "user_ca_key"),
}


def render(config: dict[str, Any], defaults: dict[str, Any], targets: Sequence[Target]) -> str:
    """Return the values as YAML: JSON is YAML, and block texts keep keys and certificates readable."""
    values: dict[str, Any] = {
        "enabled": True,
        "config": {"files": {"ca.json": config, "defaults.json": defaults}},
        "certificates": {},
        # filled in when the chart is installed: passwords are not printed
        "secrets": {"ca_password": None, "provisioner_password": None},
    }
    for target in targets:
        path = GROUPS.get(Path(target.name).name)
        if path is None:
            continue
        holder = values
        for key in path[:-1]:
            holder = holder.setdefault(key, {})
        holder[path[-1]] = target.data.decode()
    return "# Helm template\ninject:\n" + "".join(lines(values, 1))


def lines(members: dict[str, Any], depth: int) -> list[str]:
    """Return a mapping, one member after another."""
    indent = "  " * depth
    made: list[str] = []
    for name, value in members.items():
        if isinstance(value, dict) and value:
            made += [f"{indent}{name}:\n", *lines(value, depth + 1)]
        elif isinstance(value, str) and "\n" in value:
            made.append(f"{indent}{name}: |\n")
            made += [f"{indent}  {line}\n" if line else "\n" for line in value.splitlines()]
        elif isinstance(value, list):
            made.append(f"{indent}{name}:\n")
            made += [f"{indent}  - {json.dumps(item, separators=(',', ':'))}\n" for item in value]
        else:
            made.append(
                f"{indent}{name}: {json.dumps(value) if value is not None else ''}".rstrip()
            )
            made.append("\n")
    return made
