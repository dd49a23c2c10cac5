"""A database of the first revision is brought up to date with what it holds."""

from pathlib import Path

from fixtures.validation import NOW, open_harness
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Statement, Write
from newel.runtime.database.migrations import migrate


async def test_counters_and_cursors_survive_the_upgrade(tmp_path: Path, database_url: str) -> None:
    await migrate(database_url, "newel.validation", "0001")
    old = await open_database(database_url)
    update = Statement("UPDATE marks SET value = $2 WHERE name = $1")
    agreed = int(NOW.timestamp()) - 60
    await old.apply(Write(update, ("agreed", agreed)), Write(update, ("issued-read", 7)))
    await old.close()

    harness = await open_harness(tmp_path / "files", database_url, agreed=False)
    assert harness.parts.changes.agreed == agreed
    rows = await harness.database.fetch(Statement("SELECT name, value FROM counters"))
    assert dict(rows)["issued-read"] == 7  # type: ignore[arg-type]
    await harness.close()
