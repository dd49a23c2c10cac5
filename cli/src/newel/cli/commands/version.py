"""`newel version`."""

import os
import sys

from newel.cli.program import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from newel.cli.options.records.version import VersionOptions


def run(options: "VersionOptions") -> None:
    """Print the name, version and platform of this program."""
    options.positionals(0)
    system = {"win32": "windows"}.get(sys.platform, sys.platform)
    own = os.uname().machine if hasattr(os, "uname") else os.environ["PROCESSOR_ARCHITECTURE"]
    machine = {"x86_64": "amd64", "aarch64": "arm64", "AMD64": "amd64"}.get(own, own)
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json({"name": "newel", "version": VERSION, "os": system, "arch": machine})
    else:
        print(f"Newel CLI/{VERSION} ({system}/{machine})")
