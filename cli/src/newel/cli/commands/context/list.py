"""`newel context list`."""

from newel.cli.interact.terminal import show_json
from newel.cli.options.invocation import Invocation
from newel.cli.store import steppath


def run(call: Invocation) -> None:
    """Prints every context, one per line, the current one marked."""
    call.positionals(0)
    known = steppath.contexts()
    selected = steppath.current() if known else None
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
