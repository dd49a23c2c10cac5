"""`newel version`."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from newel.cli.options.records.version import VersionOptions


VERSION = "0.1.0"
RELEASED = "2026-11-21"


def run(options: "VersionOptions") -> None:
    """Prints the name, version and platform of this program."""
    options.positionals(0)
    system = {"win32": "windows"}.get(sys.platform, sys.platform)
    own = os.uname().machine if hasattr(os, "uname") else os.environ["PROCESSOR_ARCHITECTURE"]
    machine = {"x86_64": "amd64", "aarch64": "arm64", "AMD64": "amd64"}.get(own, own)
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json({"name": "newel", "version": VERSION, "os": system, "arch": machine})
    else:
        print(f"Newel CLI/{VERSION} ({system}/{machine})")
