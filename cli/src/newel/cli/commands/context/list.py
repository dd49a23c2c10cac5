"""`newel context list`."""

from typing import TYPE_CHECKING

from newel.cli.interact.terminal import show_json
from newel.cli.store import steppath

if TYPE_CHECKING:
    from newel.cli.options.records.context import ContextListOptions


def run(options: "ContextListOptions") -> None:
    """Print every context, one per line, the current one marked."""
    options.positionals(0)
    known = steppath.contexts()
    selected = steppath.current() if known else None
    current = selected.name if selected else ""
    if options.json:
        show_json(
            [
                {
                    "name": c.name,
                    "authority": c.authority,
                    "profile": c.profile,
                    "current": c.name == current,
                }
                for c in known.values()
            ]
        )
        return
    for name in sorted(known):
        print(f"{'▶ ' if name == current else ''}{name}")
