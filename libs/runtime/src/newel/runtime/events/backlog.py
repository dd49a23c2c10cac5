"""What waits in an outbox for one of its consumers."""

from newel.runtime.database.contract import Database, Statement

CURSOR = Statement("SELECT transaction_id, position FROM outbox_cursors WHERE consumer = $1")
_WAITING = {
    "sqlite": Statement(
        "SELECT count(*), min(at) FROM"
        " (SELECT at FROM outbox WHERE $1 >= 0 AND id > $2 ORDER BY id LIMIT $3) AS waiting"
    ),
    "postgresql": Statement(
        "SELECT count(*), min(at) FROM"
        " (SELECT at FROM outbox WHERE (transaction_id, id) > ($1, $2)"
        " ORDER BY transaction_id, id LIMIT $3) AS waiting"
    ),
}
_MOST_COUNTED = 100_000


async def read_backlog(database: Database, consumer: str) -> tuple[int, int | None]:
    """How many events wait for a consumer, up to a bound, and when the oldest was committed."""
    rows = await database.fetch(CURSOR, consumer)
    position: tuple[int, int] = (rows[0][0], rows[0][1]) if rows else (0, 0)
    ((count, oldest),) = await database.fetch(_WAITING[database.dialect], *position, _MOST_COUNTED)
    return count, oldest
