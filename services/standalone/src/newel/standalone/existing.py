"""The databases of an authority that has run before: one that is missing is never replaced in silence."""

import json

from newel.runtime.migrations import missing, sqlite_revision
from newel.standalone.layout import Layout

FIRST = ("issuing", "registration", "validation", "inventory", "alerting")
"""The databases of authorities that did not write down which they have."""


def require_databases(layout: Layout, *, new: bool) -> None:
    """Reads the revision of every database that was there before.

    Raises MigrationError for one that is missing or empty, unless ``new`` ones are wanted, and
    UnusableDatabaseError for a damaged one.
    """
    for name in _names(layout):
        path = layout.database_file(name)
        if sqlite_revision(path) is None and not new:
            raise missing(str(path))


def note_databases(layout: Layout, names: list[str]) -> None:
    """Writes down which databases there are, once all of them are open."""
    if not layout.databases.exists() or _names(layout) != tuple(names):
        layout.databases.write_text(json.dumps(names) + "\n")


def _names(layout: Layout) -> tuple[str, ...]:
    if layout.databases.exists():
        return tuple(json.loads(layout.databases.read_text()))
    has_run = layout.audit.exists() and layout.audit.stat().st_size > 0
    return FIRST if has_run else ()
