"""Fills an embedded authority's databases, while it is stopped, with copies of one issued certificate.

Only serials, keys and ids differ from row to row: what counts is how large the tables and their indexes are.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

BATCH = 20_000
LIFE = 30 * 86_400  # none may expire while the bench runs


def preload(state: Path, count: int) -> None:
    """Adds ``count`` certificates, their statuses and their endpoints. Needs one that was issued."""
    serials = [serial() for _ in range(count)]
    end = int(time.time()) + LIFE  # noqa: TID251 - a script, not a service
    issuing = connect(state, "issuing")
    copy(
        issuing, "certificates", count,
        lambda number: {
            "id": None, "idempotency_key": None, "serial": serials[number], "not_after": end,
            "key_digest": os.urandom(32),
        },
    )  # fmt: skip # a table
    last = issuing.execute("SELECT max(id) FROM certificates").fetchone()[0]
    issuing.close()
    validation = connect(state, "validation")
    copy(
        validation,
        "certificate_status",
        count,
        lambda number: {"serial": serials[number], "not_after": end, "change": None},
    )
    validation.execute(
        "UPDATE counters SET value = max(value, ?) WHERE name LIKE '%issued%'", (last,)
    )
    validation.commit()
    validation.close()
    inventory = connect(state, "inventory")
    ids = [os.urandom(8).hex() for _ in range(count)]
    copy(
        inventory, "endpoints", count,
        lambda number: {
            "position": None, "id": ids[number], "last_serial": serials[number], "last_not_after": end,
            "due": end, "warned": None,
        },
    )  # fmt: skip # a table
    copy(
        inventory, "certificates", count,
        lambda number: {
            "position": None, "serial": serials[number], "endpoint": ids[number], "not_after": end,
            "warn_at": end, "fingerprint": os.urandom(32),
        },
    )  # fmt: skip # a table
    inventory.execute("UPDATE cursors SET position = max(position, ?)", (last,))
    inventory.commit()
    inventory.close()


def serial() -> bytes:
    """As the issuing authority makes them: the time, then random octets."""
    made = int(time.time()) - 86_400  # noqa: TID251 - see above
    return b"\x01" + made.to_bytes(5, "big") + os.urandom(12)


def connect(state: Path, service: str) -> sqlite3.Connection:
    """One service's database, written without waiting for the disk."""
    connection = sqlite3.connect(state / f"db/{service}.sqlite")
    connection.execute("PRAGMA synchronous=OFF")
    return connection


def copy(
    connection: sqlite3.Connection, table: str, count: int, change: Callable[[int], dict[str, Any]]
) -> None:
    """Inserts copies of a table's newest row, some columns of each changed."""
    cursor = connection.execute(f"SELECT * FROM {table} ORDER BY rowid DESC LIMIT 1")  # noqa: S608 - our own names
    names = [column[0] for column in cursor.description]
    row = dict(zip(names, cursor.fetchone(), strict=True))
    marks = ", ".join("?" for _ in names)

    def rows(start: int) -> Iterator[tuple[Any, ...]]:
        for number in range(start, min(start + BATCH, count)):
            changed = change(number)
            yield tuple(changed.get(name, row[name]) for name in names)

    for start in range(0, count, BATCH):
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows(start))  # noqa: S608 - see above
        connection.commit()
