"""What is known of subjects and names, on the command line: lists, and files on their way in."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from newel.cli.errors import UsageError
from newel.cli.operations import pagination

if TYPE_CHECKING:
    from newel.client.authority import Authority

MEDIA_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
}


class Filters(NamedTuple):
    """Which records a list has."""

    kind: str | None = None
    search: str | None = None
    attribute: str | None = None
    provisioner: str | None = None


def list_records(authority: "Authority", filters: Filters, limit: int) -> Iterator[dict[str, Any]]:
    """Yield records, ``limit`` at most or, with 0, all; read page by page."""
    from newel.client import catalogue

    wanted = {name: text for name, text in filters._asdict().items() if text}

    def ask(size: int, cursor: str) -> "catalogue.Page":
        return authority.send(catalogue.metadata(wanted, limit=size, cursor=cursor))

    yield from pagination.read(ask, limit, catalogue.LARGEST_PAGE)


def media_type_of(name: str, form: str | None) -> str:
    """Return the media type of a file by --format or its name's ending. Raises UsageError."""
    kind = form or Path(name).suffix[1:].lower()
    if kind in MEDIA_TYPES:
        return MEDIA_TYPES[kind]
    options = ", ".join(MEDIA_TYPES)
    if form:
        raise UsageError(f"invalid value '{form}' for flag '--format'; options are {options}")
    raise UsageError(f"the name of '{name}' does not say what it holds; --format does: {options}")
