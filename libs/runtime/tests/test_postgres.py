"""What is PostgreSQL's own: lost servers, deadlocks, schemas."""

import asyncio
from collections.abc import Awaitable

import asyncpg
import pytest

from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Statement, Write
from newel.runtime.errors import ErrorType, NewelError

CREATE = Write(Statement("CREATE TABLE t (id BIGINT PRIMARY KEY, body TEXT)"), ())
INSERT = Statement("INSERT INTO t VALUES ($1, $2)")
UPDATE = Statement("UPDATE t SET body = $2 WHERE id = $1")
SLOWLY = Statement("SELECT pg_sleep(CAST($1 AS double precision))")
COUNT = Statement("SELECT count(*) FROM t")


async def test_each_service_has_its_schema(fresh_postgres_url: str) -> None:
    connection = await asyncpg.connect(fresh_postgres_url)
    await connection.execute("CREATE SCHEMA issuing")
    await connection.close()
    database = await open_database(f"{fresh_postgres_url}?schema=issuing")
    await database.apply(CREATE)
    where = Statement("SELECT schemaname FROM pg_tables WHERE tablename = 't'")
    assert await database.fetch(where) == [("issuing",)]
    await database.close()


async def test_a_server_that_is_not_there_is_a_typed_refusal() -> None:
    with pytest.raises(NewelError) as caught:
        await open_database("postgresql://unknown@127.0.0.1:1/nothing")
    assert caught.value.type is ErrorType.UNAVAILABLE


async def test_lost_connections_are_a_typed_refusal_and_pass(fresh_postgres_url: str) -> None:
    """A unit under way fails as unavailable; the next one finds a new connection."""
    database = await open_database(fresh_postgres_url)
    await database.apply(CREATE)
    kill = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
    )
    connection = await asyncpg.connect(fresh_postgres_url)
    async with asyncio.TaskGroup() as group:
        under_way = group.create_task(
            _outcome(database.apply(Write(INSERT, (1, "")), Write(SLOWLY, (20.0,))))
        )
        while not await connection.fetch(kill):
            await asyncio.sleep(0.02)
    await connection.close()
    outcome = under_way.result()
    assert isinstance(outcome, NewelError)
    assert outcome.type is ErrorType.UNAVAILABLE
    await database.apply(Write(INSERT, (2, "")))
    assert await database.fetch(COUNT) == [(1,)]
    await database.close()


@pytest.mark.parametrize(
    "done",
    ["DROP TABLE t", "ALTER DATABASE {name} SET default_transaction_read_only = on"],
    ids=["tables that vanish", "a copy that takes no writes"],
)
async def test_what_takes_no_writes_is_a_typed_refusal(fresh_postgres_url: str, done: str) -> None:
    database = await open_database(fresh_postgres_url)
    await database.apply(CREATE)
    connection = await asyncpg.connect(fresh_postgres_url)
    name = await connection.fetchval("SELECT quote_ident(current_database())")
    await connection.execute(done.format(name=name))
    await connection.close()
    await database.close()
    database = await open_database(fresh_postgres_url)
    outcome = await _outcome(database.apply(Write(INSERT, (1, ""))))
    assert outcome is not None
    assert outcome.type is ErrorType.UNAVAILABLE
    await database.close()


async def _outcome(unit: Awaitable[None]) -> NewelError | None:
    try:
        await unit
    except NewelError as error:
        return error
    return None


async def test_deadlocked_units_are_run_again(fresh_postgres_url: str) -> None:
    """Two processes change the same rows in opposite order, many times at once."""
    first = await open_database(fresh_postgres_url)
    second = await open_database(fresh_postgres_url)
    await first.apply(CREATE)
    await first.apply(Write(INSERT, (1, "")), Write(INSERT, (2, "")))
    await asyncio.gather(
        *(first.apply(Write(UPDATE, (1, "a")), Write(UPDATE, (2, "a"))) for _ in range(20)),
        *(second.apply(Write(UPDATE, (2, "b")), Write(UPDATE, (1, "b"))) for _ in range(20)),
    )
    rows = await first.fetch(Statement("SELECT DISTINCT body FROM t"))
    assert rows in ([("a",)], [("b",)])
    await first.close()
    await second.close()
