"""The contract of ``Database`` on SQLite and on a real PostgreSQL.

One token used 50 times at once succeeds once.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from fixtures.databases import Open
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.errors import NewelError

CREATE = (
    Statement("CREATE TABLE tokens (id TEXT PRIMARY KEY, digest BYTEA, used BIGINT)"),
    Statement("CREATE TABLE orders (id TEXT PRIMARY KEY, state TEXT NOT NULL)"),
    Statement("CREATE TABLE events (id TEXT, body TEXT NOT NULL)"),
)
USE = Statement("INSERT INTO tokens VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING id, used")
FINALIZE = Statement(
    "UPDATE orders SET state = $3 WHERE id = $1 AND state = $2 RETURNING id, state"
)
ORDER = Statement("INSERT INTO orders VALUES ($1, $2)")
EVENT = Statement("INSERT INTO events VALUES ($1, $2)")
TOKENS = Statement("SELECT id, used FROM tokens ORDER BY id")
EVENTS = Statement("SELECT id FROM events WHERE body = $1 ORDER BY id")
TOKEN = Statement("SELECT id, digest FROM tokens WHERE id = $1")


@pytest.fixture
async def database(open_again: Open) -> Database:
    made = await open_again()
    for statement in CREATE:
        await made.apply(Write(statement, ()))
    return made


def use(token: str, used: int = 1) -> Write:
    return Write(USE, (token, b"\x00\xff", used))


def event(token: str, body: str = "used") -> Write:
    return Write(EVENT, (token, body))


async def test_a_gate_that_wins_carries_its_unit(database: Database) -> None:
    assert await database.decide(use("a", 7), event("a")) == ("a", 7)
    assert await database.fetch(TOKEN, "a") == [("a", b"\x00\xff")]
    assert await database.fetch(EVENTS, "used") == [("a",)]


async def test_a_gate_that_loses_changes_nothing(database: Database) -> None:
    await database.decide(use("a", 7))
    assert await database.decide(use("a", 8), event("a")) is None
    assert await database.fetch(TOKENS) == [("a", 7)]
    assert await database.fetch(EVENTS, "used") == []


async def test_of_fifty_uses_of_one_token_at_once_one_wins(
    open_again: Open, database: Database
) -> None:
    """T01: in one process and over two, whichever batches they fall into."""
    other = await open_again()
    uses = [
        (database, other)[number % 2].decide(use("a", number), event("a"), event(f"by {number}"))
        for number in range(50)
    ]
    rows = [row for row in await asyncio.gather(*uses) if row is not None]
    assert len(rows) == 1
    assert await database.fetch(TOKENS) == rows
    assert await database.fetch(EVENTS, "used") == [("a",), (f"by {rows[0][1]}",)]


async def test_many_units_are_decided_each_by_itself(database: Database) -> None:
    units = [(use(token), event(token)) for token in ("a", "b", "a", "c")]
    rows = await database.decide_all(units)
    assert [row is not None for row in rows] == [True, True, False, True]
    assert await database.fetch(EVENTS, "used") == [("a",), ("b",), ("c",)]


async def test_of_many_units_the_good_ones_happen(database: Database) -> None:
    bad = Write(ORDER, ("o", None))
    with pytest.raises(Exception, match=r"(?i)null"):
        await database.decide_all([(use("a"), event("a")), (use("b"), bad), (use("c"), event("c"))])
    assert await database.fetch(EVENTS, "used") == [("a",), ("c",)]


async def test_a_row_goes_to_the_unit_whose_gate_returned_it(database: Database) -> None:
    """Two gates with one key in one batch, of which only the second holds."""
    await database.apply(Write(ORDER, ("o", "ready")))
    lost, won = await asyncio.gather(
        database.decide(Write(FINALIZE, ("o", "pending", "valid")), event("lost")),
        database.decide(Write(FINALIZE, ("o", "ready", "processing")), event("won")),
    )
    assert (lost, won) == (None, ("o", "processing"))
    assert await database.fetch(EVENTS, "used") == [("won",)]


async def test_gates_of_one_key_may_hold_one_after_the_other(database: Database) -> None:
    await database.apply(Write(ORDER, ("o", "ready")))
    rows = await asyncio.gather(
        database.decide(Write(FINALIZE, ("o", "ready", "processing"))),
        database.decide(Write(FINALIZE, ("o", "processing", "valid"))),
    )
    assert list(rows) == [("o", "processing"), ("o", "valid")]


async def test_a_unit_that_raises_takes_no_other_with_it(database: Database) -> None:
    """One breaks at its gate's types, one after its gate, one without a gate: all of them whole."""
    results = await asyncio.gather(
        database.decide(use("a"), event("a")),
        database.decide(use("b"), event("b"), Write(EVENT, ("b", None))),
        database.apply(event("c"), Write(EVENT, ("c", None))),
        database.decide(use("d"), Write(ORDER, ("d", "new")), event("d")),
        return_exceptions=True,
    )
    assert results[0] == ("a", 1)
    assert isinstance(results[1], Exception)
    assert isinstance(results[2], Exception)
    assert results[3] == ("d", 1)
    assert [token for token, _ in await database.fetch(TOKENS)] == ["a", "d"]
    assert await database.fetch(EVENTS, "used") == [("a",), ("d",)]


async def test_a_parameter_no_column_takes_fails_its_unit_alone(database: Database) -> None:
    results = await asyncio.gather(
        database.decide(Write(USE, ("a", b"", 1 << 80))),
        database.decide(use("b")),
        return_exceptions=True,
    )
    assert isinstance(results[0], Exception)
    assert results[1] == ("b", 1)
    assert await database.fetch(TOKENS) == [("b", 1)]


async def test_a_text_that_only_sqlite_stores_is_malformed_elsewhere(database: Database) -> None:
    """PostgreSQL has no place for U+0000: anyone who sent it is told so, and no one else notices."""
    units = [database.apply(event("a", body)) for body in ("before", "n\0l", "after")]
    asked = [database.fetch(EVENTS, "n\0l"), *units]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    odd = [each.type.value for each in outcomes if isinstance(each, NewelError)]
    assert odd == (["malformed", "malformed"] if database.dialect == "postgresql" else [])
    for body in ("before", "after"):
        assert await database.fetch(EVENTS, body) == [("a",)]


async def test_units_of_every_shape_share_batches(database: Database) -> None:
    tasks: list[Awaitable[Any]] = []
    for number in range(300):
        name = f"{number:03}"
        match number % 3:
            case 0:
                tasks.append(database.decide(use(name, number)))
            case 1:
                tasks.append(database.decide(use(name, number), event(name), event(name, "twice")))
            case _:
                tasks.append(database.apply(event(name)))
    await asyncio.gather(*tasks)
    assert len(await database.fetch(TOKENS)) == 200
    assert len(await database.fetch(EVENTS, "used")) == 200
    assert len(await database.fetch(EVENTS, "twice")) == 100


async def test_what_returned_is_seen_by_every_other_process(
    open_again: Open, database: Database
) -> None:
    other = await open_again()
    for number in range(20):
        await database.apply(event(f"{number:02}"))
        assert len(await other.fetch(EVENTS, "used")) == number + 1


async def test_many_questions_of_one_text(database: Database) -> None:
    await asyncio.gather(*(database.decide(use(token)) for token in "abc"))
    rows = await database.fetch_many(TOKEN, [("a",), ("x",), ("c",)])
    assert [row[0] for row in rows] == ["a", "c"]
    assert await database.fetch_many(TOKEN, []) == []
    assert all(type(row) is tuple for row in rows)


async def test_a_caller_that_goes_away_leaves_the_others_alone(database: Database) -> None:
    async with asyncio.TaskGroup() as group:
        gone = group.create_task(database.decide(use("a")))
        stays = group.create_task(database.decide(use("b")))
        await asyncio.sleep(0)
        gone.cancel()
    assert stays.result() == ("b", 1)


async def test_close_finishes_what_is_queued(open_again: Open, database: Database) -> None:
    other = await open_again()
    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(other.apply(event(str(number))))
        await asyncio.sleep(0)
        await other.close()
    assert len(await database.fetch(EVENTS, "used")) == 5
