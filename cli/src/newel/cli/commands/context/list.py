"""`newel context list`."""

from newel.cli import paths
from newel.cli.invocation import Invocation
from newel.cli.terminal import show_json


def run(call: Invocation) -> None:
    """Prints every context, one per line, the current one marked."""
    call.positionals(0)
    known = paths.contexts()
    selected = paths.current() if known else None
    current = selected.name if selected else ""
    if call.json:
        show_json(
            [
                {"name": c.name, "authority": c.authority, "profile": c.profile, "current": c.name == current}
                for c in known.values()
            ]
        )  # fmt: skip
        return
    for name in sorted(known):
        print(f"{'▶ ' if name == current else ''}{name}")
