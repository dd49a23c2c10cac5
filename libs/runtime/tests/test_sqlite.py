"""What is SQLite's own: durability, the lock other processes hold, the log's checkpoints."""

import asyncio
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Statement, Write
from newel.runtime.database.sqlite import SQLiteDatabase
from newel.runtime.errors import ErrorType, NewelError

CREATE = Write(Statement("CREATE TABLE t (id BIGINT PRIMARY KEY, body BYTEA)"), ())
INSERT = Statement("INSERT INTO t VALUES ($1, $2)")
COUNT = Statement("SELECT count(*) FROM t")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "service.db"


async def test_the_file_is_its_owners_alone(path: Path) -> None:
    database = SQLiteDatabase(path)
    await database.apply(CREATE)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in path.parent.iterdir())
    await database.close()


async def test_every_commit_is_synced(path: Path) -> None:
    database = SQLiteDatabase(path)
    assert await database.fetch(Statement("PRAGMA journal_mode")) == [("wal",)]
    assert await database.fetch(Statement("PRAGMA synchronous")) == [(2,)]
    await database.close()


async def test_what_arrives_over_some_turns_shares_a_commit(path: Path) -> None:
    """One commit for callers that are not quite together, and a bound on how long it waits."""
    database = SQLiteDatabase(path)
    await database.apply(CREATE)
    said: list[str] = []
    database._connection.set_trace_callback(said.append)  # pyright: ignore[reportPrivateUsage] - the commits themselves

    async def late(number: int) -> None:
        for _ in range(number):
            await asyncio.sleep(0)
        await database.apply(Write(INSERT, (number, b"")))

    await asyncio.gather(*map(late, range(3)))
    assert said.count("COMMIT") == 1
    await asyncio.gather(*map(late, range(10, 60)))
    assert (
        said.count("COMMIT") > 2
    )  # what came while the first of them waited for the disk is one more
    await database.close()


async def test_a_lock_held_elsewhere_does_not_hold_up_the_loop(path: Path) -> None:
    database = SQLiteDatabase(path)
    await database.apply(CREATE)
    elsewhere = sqlite3.connect(path, isolation_level=None)
    elsewhere.execute("BEGIN IMMEDIATE")
    turns = 0
    async with asyncio.TaskGroup() as group:
        write = group.create_task(database.apply(Write(INSERT, (1, b""))))
        for _ in range(20):
            await asyncio.sleep(0.005)
            turns += 1
        assert not write.done()
        elsewhere.execute("COMMIT")
    assert turns == 20
    assert await database.fetch(COUNT) == [(1,)]
    elsewhere.close()
    await database.close()


async def test_a_lock_never_given_up_is_a_typed_refusal(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newel.runtime.database.sqlite._BUSY_FOR_AT_MOST", 0.05)
    database = SQLiteDatabase(path)
    await database.apply(CREATE)
    elsewhere = sqlite3.connect(path, isolation_level=None)
    elsewhere.execute("BEGIN IMMEDIATE")
    with pytest.raises(NewelError) as caught:
        await database.apply(Write(INSERT, (1, b"")))
    assert caught.value.type is ErrorType.UNAVAILABLE
    elsewhere.execute("ROLLBACK")
    await database.apply(Write(INSERT, (1, b"")))
    elsewhere.close()
    await database.close()


async def test_a_full_disk_is_a_typed_refusal_and_passes(path: Path) -> None:
    database = SQLiteDatabase(path)
    await database.apply(CREATE)
    await database.apply(Write(Statement("PRAGMA max_page_count = 3"), ()))
    results = await asyncio.gather(
        *(database.apply(Write(INSERT, (number, bytes(9000)))) for number in range(3)),
        return_exceptions=True,
    )
    assert {type(result) for result in results} == {NewelError}
    await database.apply(Write(Statement("PRAGMA max_page_count = 1000000"), ()))
    await database.apply(Write(INSERT, (9, bytes(9000))))
    assert await database.fetch(COUNT) == [(1,)]
    await database.close()


async def test_the_log_is_carried_over_beside_the_requests(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newel.runtime.database.checkpoints._EVERY", 0.02)
    database = SQLiteDatabase(path)
    await database.apply(CREATE)
    for number in range(50):
        await database.apply(Write(INSERT, (number, bytes(8000))))
    async with asyncio.timeout(10):
        while path.stat().st_size < 400_000:
            await asyncio.sleep(0.02)
    await database.close()
    assert not path.with_name("service.db-wal").exists()


async def test_under_steady_load_the_log_starts_over(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newel.runtime.database.checkpoints._EVERY", 0.01)
    monkeypatch.setattr("newel.runtime.database.checkpoints._LONG_LOG", 200)
    database = SQLiteDatabase(path)
    await database.apply(CREATE)
    for number in range(1500):
        await database.apply(Write(INSERT, (number, bytes(8000))))
    assert path.with_name("service.db-wal").stat().st_size < 1500 * 8000 / 2
    await database.close()


async def test_an_unknown_url_is_refused() -> None:
    with pytest.raises(ValueError, match="sqlite:///path"):
        await open_database("mysql://localhost/newel")


async def test_a_commit_that_need_not_wait_for_the_disk_does_not(
    tmp_path: Path,
) -> None:
    database = SQLiteDatabase(tmp_path / "relaxed.sqlite")
    connection = database._connection  # pyright: ignore[reportPrivateUsage] - what SQLite was told

    def level() -> int:
        return int(connection.execute("PRAGMA synchronous").fetchone()[0])

    await database.apply(Write(Statement("CREATE TABLE t (a INTEGER)"), ()))
    assert level() == 2
    insert = Statement("INSERT INTO t (a) VALUES ($1)")
    await database.apply(Write(insert, (1,)), durable=False)
    assert level() == 1
    await database.decide(Write(Statement("DELETE FROM t WHERE a = $1 RETURNING a"), (1,)))
    assert level() == 2
    again = Statement("INSERT INTO t (a) VALUES ($1) RETURNING a")
    assert await database.decide(Write(again, (1,)), durable=False) == (1,)
    assert level() == 1
    relaxed = database.apply(Write(insert, (2,)), durable=False)
    strict = database.apply(Write(insert, (3,)))
    await asyncio.gather(relaxed, strict)
    assert level() == 2
    assert await database.fetch(Statement("SELECT count(*) FROM t")) == [(3,)]
    await database.close()


async def test_the_loop_serves_others_while_a_commit_waits_for_the_disk(path: Path) -> None:
    """No caller is answered, and nothing read, before the wait has ended; who came meanwhile share a commit."""
    database = SQLiteDatabase(path)
    await database.apply(CREATE)
    begin = asyncio.get_running_loop().create_task
    reached, go_on = threading.Event(), threading.Event()
    said: list[str] = []

    def trace(statement: str) -> None:
        said.append(statement)
        if statement == "COMMIT" and said.count("COMMIT") == 1:
            reached.set()
            go_on.wait(60)

    database._connection.set_trace_callback(trace)  # pyright: ignore[reportPrivateUsage] - the disk
    first = begin(database.apply(Write(INSERT, (1, b""))))
    async with asyncio.timeout(60):
        while not reached.is_set():
            await asyncio.sleep(0.001)
    count = begin(database.fetch(COUNT))
    gone = begin(database.fetch(COUNT))
    others = [begin(database.apply(Write(INSERT, (n, b"")))) for n in (2, 3, 4)]
    for _ in range(50):
        await asyncio.sleep(0)
    assert not any(each.done() for each in (first, count, gone, *others))
    gone.cancel()
    go_on.set()
    assert await count == [(1,)]
    assert first.done()
    await asyncio.gather(*others)
    assert said.count("COMMIT") == 2
    await database.close()


async def test_closing_waits_for_the_commit_under_way(path: Path) -> None:
    database = SQLiteDatabase(path)
    await database.apply(CREATE)
    begin, go_on = asyncio.get_running_loop().create_task, threading.Event()

    def trace(statement: str) -> None:
        if statement == "COMMIT":
            go_on.wait(60)

    database._connection.set_trace_callback(trace)  # pyright: ignore[reportPrivateUsage] - the disk
    writes = [begin(database.apply(Write(INSERT, (n, b"")))) for n in range(3)]
    for _ in range(50):
        await asyncio.sleep(0)
    closing = begin(database.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    go_on.set()
    await asyncio.gather(closing, *writes)
    again = SQLiteDatabase(path)
    assert await again.fetch(COUNT) == [(3,)]
    await again.close()


async def test_a_commit_that_fails_in_the_thread_undoes_its_group(path: Path) -> None:
    """The check of a deferred reference is made by COMMIT itself."""
    database = SQLiteDatabase(path)
    await database.apply(CREATE)
    reference = "REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED"
    await database.apply(Write(Statement(f"CREATE TABLE of_t (id BIGINT {reference})"), ()))
    orphan = Write(Statement("INSERT INTO of_t VALUES ($1)"), (7,))
    with pytest.raises(sqlite3.IntegrityError):
        await database.apply(Write(INSERT, (1, b"")), orphan)
    assert await database.fetch(COUNT) == [(0,)]
    await database.apply(Write(INSERT, (7, b"")), orphan)
    assert await database.fetch(COUNT) == [(1,)]
    await database.close()
