"""Connections as the workers of one program count them together."""

import os
from collections.abc import Hashable

from newel.runtime.shared_table import SharedTable


class WorkerCounts:
    """Each worker publishes its own numbers in the shared table and adds up those of the others.

    A worker writes its own entries only, so no change is lost. They carry its process id: what a worker
    that died had published is ignored once its successor has started.
    """

    def __init__(
        self, table: SharedTable, worker: int, workers: int, process_id: int | None = None
    ) -> None:
        """``worker`` is one of 0 … ``workers`` - 1."""
        self._table = table
        self._own = float(os.getpid() if process_id is None else process_id)
        self._others = [number for number in range(workers) if number != worker]
        table.put(("worker", worker), self._own)

    def publish(self, key: Hashable, number: int) -> None:
        """Tell the other workers how many connections this one has."""
        self._table.put((self._own, key), number)

    def of_others(self, key: Hashable) -> int:
        """Add up the connections of the other workers."""
        get = self._table.get
        return sum(int(get((get(("worker", each)), key))) for each in self._others)
