"""What is asked every second or of every group reads no more deliveries than it is about."""

import re
import sqlite3
from pathlib import Path

import pytest

from newel.alerting.app import REVISION
from newel.alerting.storage import deliveries, digests, notices
from newel.runtime.database.contract import Statement
from newel.runtime.database.migrations import migrate

ALL = {
    f"{module.__name__.rpartition('.')[2]}{name}": each
    for module in (deliveries, digests)
    for name, each in vars(module).items()
    if isinstance(each, Statement)
} | {"notices_FORGET_DIGESTS": vars(notices)["_FORGET_DIGESTS"]}


async def read_plan(text: str, path: Path) -> list[str]:
    """Return the steps by which SQLite answers."""
    file = path / "alerting.db"
    await migrate(f"sqlite:///{file}", "newel.alerting", REVISION)
    connection = sqlite3.connect(file)
    highest = max([0, *map(int, re.findall(r"\?(\d+)", text))])
    plan = connection.execute(f"EXPLAIN QUERY PLAN {text}", (None,) * highest).fetchall()
    connection.close()
    return [each for *_, each in plan]


@pytest.mark.parametrize("name", sorted(ALL))
async def test_deliveries_are_searched_by_an_index(name: str, tmp_path: Path) -> None:
    plan = await read_plan(ALL[name].sqlite, tmp_path)
    assert not [each for each in plan if re.match(r"SCAN (deliveries|d)\b", each)], plan
    if name in {"deliveries_DUE", "digests_GROUPS"}:  # every second: those that wait alone
        assert [each for each in plan if "USING INDEX deliveries_waiting" in each], plan
