"""What this program is called: `newel`, or `step` where that was typed."""

import os
import sys

VERSION = "0.1.0"
RELEASED = "2026-11-21"
BOOTSTRAP = (
    "'{} ca bootstrap --ca-url URL --fingerprint SHA256' stores the authority's address and root."
)
"""What saves most people the flags that name an authority."""


def name() -> str:
    """Return the name that was typed, for usage lines and advice."""
    typed = os.path.basename(sys.argv[0]) if sys.argv else ""  # noqa: PTH119 - pathlib is slow to import
    return "step" if typed.removesuffix(".exe") == "step" else "newel"
