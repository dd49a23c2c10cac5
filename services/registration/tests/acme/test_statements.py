"""No statement of ACME looks at more rows than it answers with, however many there are."""

import re
import sqlite3
from pathlib import Path

import pytest

from newel.registration.acme import statements
from newel.registration.app import REVISION
from newel.runtime.database.contract import Statement
from newel.runtime.database.migrations import migrate

ALL = {name: each for name, each in vars(statements).items() if isinstance(each, Statement)}


@pytest.mark.parametrize("name", sorted(ALL))
async def test_every_table_is_searched_by_an_index(name: str, tmp_path: Path) -> None:
    path = tmp_path / "registration.db"
    await migrate(f"sqlite:///{path}", "newel.registration", REVISION)
    connection = sqlite3.connect(path)
    text = ALL[name].sqlite
    highest = max([0, *map(int, re.findall(r"\?(\d+)", text))])
    plan = connection.execute(f"EXPLAIN QUERY PLAN {text}", (None,) * highest).fetchall()
    connection.close()
    # an index that holds only the few orders under way may be read from end to end
    few = ("USING INDEX acme_orders_processing", "CONSTANT ROW")
    scans = [each for *_, each in plan if each.startswith("SCAN") and not each.endswith(few)]
    assert not scans, plan
