"""A start says which file it waits for, and ends when that stays locked."""

import asyncio
import contextlib
import logging
import sqlite3
from pathlib import Path

import pytest

from newel.runtime.database.connect import UnusableDatabaseError
from newel.runtime.database.write_lock import wait_for_write_lock


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
async def test_a_locked_file_is_named_and_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    file = tmp_path / "issuing.sqlite"
    caplog.set_level(logging.WARNING)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute(f"PRAGMA journal_mode={mode}")
        holder.execute("CREATE TABLE held (id INTEGER)")
        holder.execute("BEGIN IMMEDIATE")
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(wait_for_write_lock(file, said_after=0.0))
            while not caplog.messages:
                await asyncio.sleep(0)
            assert not waiting.done()
            holder.execute("ROLLBACK")
    (line,) = caplog.messages
    assert line == f"{file}: waiting for another process that keeps the database locked"


async def test_a_file_that_stays_locked_ends_the_start(tmp_path: Path) -> None:
    file = tmp_path / "issuing.sqlite"
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("CREATE TABLE held (id INTEGER)")
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UnusableDatabaseError, match=r"issuing\.sqlite: another process"):
            await wait_for_write_lock(file, at_most=0.0)


async def test_a_file_that_is_free_or_missing_is_not_waited_for(tmp_path: Path) -> None:
    await wait_for_write_lock(tmp_path / "missing.sqlite", at_most=0.0)
    assert not (tmp_path / "missing.sqlite").exists()
    sqlite3.connect(tmp_path / "free.sqlite").close()
    await wait_for_write_lock(tmp_path / "free.sqlite", at_most=0.0)
