"""Plugins: `step foo` runs `step-foo-plugin` when no command is called foo."""

import os
import shutil
import subprocess

from newel.cli.paths import base


def run_plugin(arguments: list[str]) -> int | None:
    """Runs the plugin for the first word with the remaining ones; None when there is none."""
    name = arguments[0]
    if not name.replace("-", "").replace("_", "").isalnum():
        return None
    search = os.pathsep.join((str(base() / "plugins"), os.environ.get("PATH", "")))
    program = shutil.which(f"step-{name}-plugin", path=search)
    if program is None:
        return None
    return subprocess.run([program, *arguments[1:]], check=False).returncode
