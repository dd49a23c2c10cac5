"""The units of deploy/systemd with the places of Debian's package."""

from collections.abc import Iterable
from pathlib import Path

from deploy.packages.tree import File, Tree

UNITS = Path(__file__).parents[1] / "systemd"
FOLDER = "usr/lib/systemd/system"
HERE = "/opt/newel"
PROGRAM = (f"{HERE}/bin/newel", "/usr/bin/newel")
PYTHON = (f"{HERE}/bin/python", "/usr/lib/newel/bin/python")
PAGES = (f"file://{HERE}/docs", "file:///usr/share/doc/newel/docs")
RENEWAL = (
    "cert-renewer.target",
    "cert-renewer@.service",
    "cert-renewer@.timer",
    "ssh-cert-renewer.service",
    "ssh-cert-renewer.timer",
)
SERVER = (
    PROGRAM,
    ("#   install -m 644 newel.service /etc/systemd/system/ && systemctl", "#   systemctl"),
    # The user is there as long as the package is, so that its files keep their owner's name.
    ("DynamicUser=yes\nUser=newel\n", "User=newel\nGroup=newel\n"),
    PAGES,
)
SHARED = ("install -m 644 cert-renewer* /etc/systemd/system/ && ", "")


def make_units() -> Tree:
    """Make the unit of `newel up` and those that renew certificates."""
    tree: Tree = {f"{FOLDER}/newel.service": adapt("newel.service", SERVER)}
    for name in RENEWAL:
        changes = [PAGES]
        changes += [PROGRAM] if name.endswith(".service") else []
        changes += [SHARED] if name == "cert-renewer@.service" else []
        tree[f"{FOLDER}/{name}"] = adapt(name, changes)
    return tree


def adapt(name: str, changes: Iterable[tuple[str, str]]) -> File:
    """Replace each text in a unit by another one. Raises ValueError where one is not in it, or is left."""
    text = (UNITS / name).read_text()
    for old, new in changes:
        if old not in text:
            raise ValueError(f"{name}: has no {old!r} to replace")
        text = text.replace(old, new)
    if HERE in text:
        raise ValueError(f"{name}: a place below {HERE} is left in it")
    return File(text.encode())
