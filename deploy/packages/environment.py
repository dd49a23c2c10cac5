"""The folder /usr/lib/newel: a virtual environment on the system's Python, with all that Newel needs in it.

The other projects' files are those of the environment that runs this, whose hashes were compared with
requirements.lock when they were installed.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution
from pathlib import Path

from deploy.packages.tree import File, Link, Tree
from deploy.single_file.closure import files_of, find_closure

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
HOME = "usr/lib/newel"
PACKAGES = f"{HOME}/lib/python{PYTHON}/site-packages"
ROOTS = ("newel-cli", "newel-standalone[mysql]")
"""The cloud providers' libraries are left out: with them a package would be three times as large."""
START = """\
#!/{home}/bin/python -I
import sys

from {module} import main

sys.exit(main())
"""
PROGRAMS = {
    "newel": "newel.cli.main",
    "step": "newel.cli.main",
    "step-ca": "newel.standalone.step_ca.command",
}
CONFIGURATION = f"""\
home = /usr/bin
include-system-site-packages = false
version = {PYTHON}
"""
MACHINE_FILES = frozenset({"direct_url.json", "uv_cache.json", "INSTALLER", "REQUESTED"})
"""What an installer notes of the machine it ran on."""


def make_environment(wheels: Path) -> tuple[Tree, dict[str, Distribution]]:
    """Make the folder from the wheels of Newel; return it and the distributions in it, by name."""
    closure = find_closure(wheels, *ROOTS)
    tree: Tree = {
        f"{HOME}/pyvenv.cfg": File(CONFIGURATION.encode()),
        f"{HOME}/bin/python": Link(f"../../../bin/python{PYTHON}"),
    }
    for name, module in PROGRAMS.items():
        start = START.format(home=HOME, module=module)
        tree[f"{HOME}/bin/{name}"] = File(start.encode(), 0o755)
    for name, installed in sorted(closure.items()):
        files = {
            entry: data
            for entry, data in files_of(name, installed, wheels)
            if not (".dist-info/" in entry and entry.rpartition("/")[2] in MACHINE_FILES)
        }
        for entry, data in files.items():
            kept = prune_record(data, files) if entry.endswith(".dist-info/RECORD") else data
            tree[f"{PACKAGES}/{entry}"] = File(kept)
    return tree, closure


def prune_record(record: bytes, files: Mapping[str, bytes]) -> bytes:
    """Keep the lines of a RECORD (PEP 376) whose files are in the package."""
    lines = record.decode().splitlines()
    return "".join(f"{line}\n" for line in lines if line.partition(",")[0] in files).encode()


def find_libc(closure: Iterable[Distribution]) -> str:
    """Return the oldest version of glibc that every native module accepts, by the wheels' tags (PEP 600)."""
    versions = [(2, 17)]
    for installed in closure:
        tags = installed.read_text("WHEEL") or ""
        each = [(int(a), int(b)) for a, b in re.findall(r"manylinux_(\d+)_(\d+)_", tags)]
        if each:
            versions.append(min(each))
    return "{}.{}".format(*max(versions))
