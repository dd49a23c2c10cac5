"""Pages of a table: a checked question as two statements that look at no more than a stretch of its rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from newel.runtime.database.contract import Database, Row, Statement
from newel.runtime.database.listing import Cursor, ListQuery

# A page looks at no more rows than this, whatever its filters leave of them.
_STRETCH = 10_000


@dataclass(slots=True)
class Where:
    """A WHERE clause being built: constant texts, values as numbered parameters."""

    now: int
    clauses: list[str] = field(default_factory=list[str])
    params: list[Any] = field(default_factory=list[Any])

    def add(self, clause: str, *values: Any) -> None:
        """Add ``clause``, which has ``{}`` for each value."""
        numbers: list[str] = []
        for value in values:
            self.params.append(value)
            numbers.append(f"${len(self.params)}")
        self.clauses.append(clause.format(*numbers))

    def __str__(self) -> str:
        return "WHERE " + " AND ".join(self.clauses) if self.clauses else ""


Clause = Callable[[Where, Any], None]
"""A function that adds what a filter with this value means."""


def compare(clause: str) -> Clause:
    """Return a filter that is one comparison: ``subject = {}``."""
    return lambda where, value: where.add(clause, value)


def match_substring(*columns: str) -> Clause:
    """Return a filter for a substring of one of these columns, without regard to case."""
    either = " OR ".join(rf"lower({column}) LIKE {{}} ESCAPE '\'" for column in columns)

    def add(where: Where, text: Any) -> None:
        where.add(f"({either})", *[f"%{escape_like(text)}%"] * len(columns))

    return add


def escape_like(text: str) -> str:
    """Escape a text for use inside a LIKE pattern, where it stands for itself."""
    return text.lower().replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


@dataclass(frozen=True, slots=True)
class Rows:
    """The SQL of one list: its rows, its filters, and the column behind each sort order.

    The table has a column ``position``, unique and rising, and ``select`` names it first.
    """

    select: str
    table: str
    clauses: Mapping[str, Clause]
    sorts: Mapping[str, str]
    columns: Mapping[str, int]
    """Where the sort columns stand in a row."""
    narrows: Callable[[ListQuery, str], bool]
    """Tells whether an index serves this filter, so that it may shorten the search for the stretch's end."""
    always: tuple[str, ...] = ()
    """Clauses of every query."""


async def read_page(
    database: Database, rows: Rows, query: ListQuery, now: int
) -> tuple[list[Row], Cursor | None]:
    """Read the rows of one page and where the next begins.

    1. Where the stretch this page may look at ends.
    2. The matching rows of the stretch, up to the limit.
    3. The next page begins after the last row given or, when they are fewer, after the stretch.
    """
    column = rows.sorts[query.sort]
    order = " DESC" if query.descending else ""
    ordered = f"ORDER BY {column}{order}, position{order} LIMIT "
    past, until = ("<", ">=") if query.descending else (">", "<=")
    key = f"({column}, position)"
    where = Where(now, list(rows.always))
    if query.after is not None:
        where.add(f"{key} {past} ({{}}, {{}})", query.after.value, query.after.position)
    early = [name for name in query.filters if rows.narrows(query, name)]
    for name in early:
        rows.clauses[name](where, query.filters[name])
    text = f"SELECT {column}, position FROM {rows.table} {where} {ordered} 1 OFFSET {_STRETCH}"  # noqa: S608 - built of the services' constants
    bound = await database.fetch(Statement(text), *where.params)  # 1
    if bound:
        where.add(f"{key} {until} ({{}}, {{}})", *bound[0])
    for name in query.filters.keys() - set(early):
        rows.clauses[name](where, query.filters[name])
    text = f"{rows.select} {where} {ordered} ${len(where.params) + 1}"
    found = await database.fetch(Statement(text), *where.params, query.limit)  # 2
    if len(found) == query.limit:  # 3
        last = found[-1]
        return found, Cursor(last[rows.columns[column]], last[0])
    return found, Cursor(*bound[0]) if bound else None
