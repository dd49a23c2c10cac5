"""`newel version`."""

import os
import sys

from newel.cli.options.invocation import Invocation

VERSION = "0.1.0"
RELEASED = "2026-11-21"


def run(call: Invocation) -> None:
    """Prints the name, version and platform of this program."""
    call.positionals(0)
    system = {"win32": "windows"}.get(sys.platform, sys.platform)
    own = os.uname().machine if hasattr(os, "uname") else os.environ["PROCESSOR_ARCHITECTURE"]
    machine = {"x86_64": "amd64", "aarch64": "arm64", "AMD64": "amd64"}.get(own, own)
    if call.json:
        from newel.cli.interact.terminal import show_json

        show_json({"name": "newel", "version": VERSION, "os": system, "arch": machine})
    else:
        print(f"Newel CLI/{VERSION} ({system}/{machine})")
