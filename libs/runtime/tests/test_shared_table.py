"""Numbers that several processes share."""

import os
import subprocess
import sys

import pytest

from newel.runtime.shared_table import VARIABLE, SharedTable, TableMemory

CHILD = """
from newel.runtime.shared_table import SharedTable
table = SharedTable.open_inherited()
table.put(("address", b"x"), table.get(("address", b"x")) + 1)
"""


@pytest.fixture
def memory() -> TableMemory:
    return TableMemory()


def test_processes_see_each_others_numbers(memory: TableMemory) -> None:
    table = SharedTable(memory.descriptor)
    table.put(("address", b"x"), 40.0)
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-c", CHILD],
            env=memory.environment(os.environ), pass_fds=(memory.descriptor,), check=True,
        )  # fmt: skip # a command line
    assert table.get(("address", b"x")) == 42.0
    assert table.get(("new-order", b"x")) == 0.0


def test_a_process_that_stands_alone_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert SharedTable.open_inherited() is None


def test_more_keys_than_places_push_out_those_that_are_through_first(memory: TableMemory) -> None:
    table = SharedTable(memory.descriptor)
    table.put("late", 1e9)
    for number in range(300_000):
        table.put(number, float(number))
    assert table.get("late") == 1e9
    assert table.get(299_999) == 299_999.0
