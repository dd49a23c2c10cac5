"""Replacements of certificates that ACME clients are told of: how they are shown."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from newel.client.admin_calls import Replacement

_TITLES = ("ID", "Scope", "Value", "Issued before", "Replaced")
_WIDTHS = (38, 13, 24, 22, 0)


def table(found: "Iterable[Replacement]") -> Iterator[str]:
    """Yield the lines of a table, the titles first."""
    yield _line(_TITLES)
    for each in found:
        progress = f"{each.replaced} of {each.total}"
        yield _line((each.id, each.scope, each.value, each.issued_before, progress))


def as_json(one: "Replacement") -> dict[str, Any]:
    """Return a replacement's members."""
    return {
        "id": one.id, "scope": one.scope, "value": one.value, "issuedBefore": one.issued_before,
        "total": one.total, "replaced": one.replaced,
    }  # fmt: skip # a table


def _line(cells: tuple[str, ...]) -> str:
    padded = (f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))
    return "".join(padded).rstrip()
