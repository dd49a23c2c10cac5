"""Which revocation lists there are, for the page of facts about an authority."""

from typing import NamedTuple

from newel.runtime.database.contract import Database, Statement

_LISTS = Statement(
    "SELECT scope, max(number), max(next_update) FROM crls WHERE next_update IS NOT NULL"
    " GROUP BY scope ORDER BY scope"
)


class ListFacts(NamedTuple):
    """The latest list of one scope."""

    scope: str
    number: int
    next_update: int
    """Seconds since 1970."""


async def list_revocation_lists(database: Database) -> list[ListFacts]:
    """List the latest list of each scope. Raises NewelError."""
    return [ListFacts(str(s), int(n), int(u)) for s, n, u in await database.fetch(_LISTS)]
