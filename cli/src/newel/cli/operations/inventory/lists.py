"""A list command: asks, shows, and says when there is more than was shown."""

from itertools import islice
from typing import TYPE_CHECKING

from newel.cli.interact.terminal import note
from newel.cli.operations.inventory import layouts, questions, session
from newel.cli.options.invocation import Invocation

if TYPE_CHECKING:
    from newel.client.catalogue import Kind


def show_list(call: Invocation, kind: "Kind") -> None:
    """Print the entries; one beyond the limit is read, to know whether there are more."""
    call.positionals(0)
    form, limit = layouts.format_of(call), questions.limit_of(call)
    opened = session.connect_alerting if kind == "alerts" else session.connect_inventory
    with opened(call) as authority:
        found = list(questions.entries(call, authority, kind, limit + 1 if limit else 0))
    shown = list(islice(found, limit)) if limit else found
    layouts.show(form, layouts.OF[kind], shown)
    if len(found) > len(shown):
        note(f"There are more than these {limit}: --limit 0 shows all.")
