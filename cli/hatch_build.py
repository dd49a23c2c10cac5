"""The wheel brings its manual pages, as `share/man/man1`: pipx shows them to `man`."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManualPages(BuildHookInterface):  # pyright: ignore[reportMissingTypeArgument] - any configuration
    """Writes them when a wheel is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the pages when hatchling collects the files of a wheel."""
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root) / "src"))
        from newel.cli.manual import files

        folder = tempfile.mkdtemp()
        files.write("man", folder)
        build_data["shared_data"][folder] = "share/man"
