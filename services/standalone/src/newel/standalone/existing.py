"""The databases of an authority that has run before: one that is missing is never replaced in silence."""

import json
from typing import Any, cast

from newel.runtime.database.connect import UnusableDatabaseError
from newel.runtime.database.migrations import (
    make_missing_error,
    require_tables,
    sqlite_revision,
    sqlite_tables,
)
from newel.standalone.layout import Layout

FIRST = ("issuing", "registration", "validation", "inventory", "alerting")
"""The databases of authorities that did not write down which they have."""


MARKS = {
    "issuing": "blocked_keys",
    "registration": "provisioners",
    "validation": "certificate_status",
    "inventory": "endpoints",
    "alerting": "notices",
    "dashboard": "sessions",
}
"""A table by which each one's file is known: the revisions of several have the same names."""


def require_databases(layout: Layout, *, new: bool) -> None:
    """Read the revision of every database that existed before.

    Raises MigrationError for one that is missing or empty, unless ``new`` ones are wanted, and
    UnusableDatabaseError for a damaged one and for another service's.
    """
    for name in _names(layout):
        path = layout.database_file(name)
        tables, mark = sqlite_tables(path), MARKS.get(name, "")
        if sqlite_revision(path) is None and not new:
            require_tables(str(path), [mark], tables, at_revision=False)
            raise make_missing_error(str(path))
        if mark and mark not in tables and not tables.isdisjoint(MARKS.values()):
            raise UnusableDatabaseError(
                f"{path}: this is not the database of {name}; put that in its place, or restore it from a"
                " backup, see docs/runbooks/backup-and-restore.md"
            )


def note_databases(layout: Layout, names: list[str]) -> None:
    """Record which databases there are, once all of them are open."""
    if not layout.databases.exists() or _names(layout) != tuple(names):
        layout.databases.write_text(json.dumps(names) + "\n")


def _names(layout: Layout) -> tuple[str, ...]:
    if layout.databases.exists():
        try:
            content: Any = json.loads(layout.databases.read_bytes())
        except ValueError:
            content = None
        written = [*map(str, cast("list[Any]", content))] if isinstance(content, list) else []
        # A list without the first ones would have a missing database replaced by an empty one.
        if not set(FIRST) <= {*written}:
            raise UnusableDatabaseError(
                f"{layout.databases}: it is not the list of the databases that was written; restore it from"
                " a backup, see docs/runbooks/backup-and-restore.md"
            )
        return tuple(written)
    has_run = layout.audit.exists() and layout.audit.stat().st_size > 0
    return FIRST if has_run else ()
