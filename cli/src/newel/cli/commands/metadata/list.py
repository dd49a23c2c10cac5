"""`newel metadata list`."""

from typing import TYPE_CHECKING

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import note
from newel.cli.operations.inventory import layouts, metadata, session
from newel.cli.options.groups import select, service_options

if TYPE_CHECKING:
    from newel.cli.options.records.metadata import MetadataListOptions


def run(options: "MetadataListOptions") -> None:
    """Print what is known of subjects and names; one beyond the limit is read, to know of more."""
    options.positionals(0)
    form = layouts.format_of(options.output, options=("text", "json"))
    limit = options.limit or 0
    if limit < 0:
        raise UsageError("flag '--limit' must be greater than or equal to 0")
    filters = select(metadata.Filters, options)
    with session.connect(service_options(options, "inventory")) as authority:
        found = list(metadata.list_records(authority, filters, limit + 1 if limit else 0))
    shown = found[:limit] if limit else found
    layouts.show(form, layouts.METADATA, shown)
    if len(found) > len(shown):
        note(f"There are more than these {limit}: --limit 0 shows all.")
