"""Plugins: programs called `step-foo-plugin`, which `step foo` runs when no command is called foo."""

import os

from newel.cli.store.steppath import base_name, join


def find(name: str) -> str | None:
    """Return the program of a plugin: in the plugins of STEPPATH, else on PATH; None when there is none."""
    import shutil

    search = os.pathsep.join((join(base_name(), "plugins"), os.environ.get("PATH", "")))
    return shutil.which(f"step-{name}-plugin", path=search)


def run_plugin(arguments: list[str]) -> int | None:
    """Run the plugin for the first word with the remaining ones; None when there is none."""
    import subprocess

    name = arguments[0]
    program = find(name) if name.replace("-", "").replace("_", "").isalnum() else None
    if program is None:
        return None
    return subprocess.run([program, *arguments[1:]], check=False).returncode
