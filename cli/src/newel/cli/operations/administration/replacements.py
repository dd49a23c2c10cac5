"""Replacements of certificates that ACME clients are told of: how they are shown."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from newel.cli.operations.inventory import layouts

if TYPE_CHECKING:
    from newel.client.admin_calls import Replacement

TITLES = ("ID", "Scope", "Value", "Issued before", "Replaced", "Last minute", "99 % at")


def table(found: "Iterable[Replacement]") -> str:
    """Return a table, the titles first."""
    rows = [
        (
            each.id,
            each.scope,
            each.value,
            each.issued_before,
            f"{each.replaced} of {each.total}",
            str(each.last_minute),
            each.most_replaced_at or "-",
        )
        for each in found
    ]
    return layouts.table(TITLES, [[*map(layouts.plain, row)] for row in rows])


def as_json(one: "Replacement") -> dict[str, Any]:
    """Return a replacement's members."""
    return {
        "id": one.id, "scope": one.scope, "value": one.value, "issuedBefore": one.issued_before,
        "total": one.total, "replaced": one.replaced, "lastMinute": one.last_minute,
        "mostReplacedAt": one.most_replaced_at,
    }  # fmt: skip # a table
