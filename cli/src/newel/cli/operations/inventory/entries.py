"""One call of an administrator, and its answer: an entry with those below it, or what was done."""

from typing import TYPE_CHECKING, Any

from newel.cli.interact.terminal import show_json
from newel.cli.operations.inventory import layouts, session

if TYPE_CHECKING:
    from newel.cli.operations.inventory.session import ServiceOptions
    from newel.client.calls import Call


def fetch(
    output: str | None, options: "ServiceOptions", call: "Call[dict[str, Any]]"
) -> dict[str, Any]:
    """Send the call, once it is sure that its answer can be shown. Raises CliError."""
    layouts.format_of(output, options=("text", "json"))
    with session.connect(options) as authority:
        return authority.send(call)


def show(output: str | None, found: dict[str, Any], below: str, columns: "layouts.Columns") -> None:
    """Print an entry and, as a table, those that its member ``below`` holds."""
    from newel.client.answers import rows

    if output == "json":
        show_json(found)
        return
    print(layouts.details(found))
    if further := rows(found, below):
        print()
        layouts.show("text", columns, further)


def report(output: str | None, outcome: dict[str, Any], sentence: str) -> None:
    """Print what was done."""
    if output == "json":
        show_json(outcome)
    else:
        print(layouts.plain(sentence))
