"""What this program is called: `newel`, or `step` where that was typed."""

import os
import sys

VERSION = "0.1.0"
RELEASED = "2026-11-21"


def name() -> str:
    """The name the person typed, for usage lines and for commands that are advised."""
    typed = os.path.basename(sys.argv[0]) if sys.argv else ""  # noqa: PTH119 - pathlib is slow to import
    return "step" if typed.removesuffix(".exe") == "step" else "newel"
