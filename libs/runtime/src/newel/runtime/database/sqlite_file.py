"""Opens a SQLite file for a service."""

import os
import sqlite3
from pathlib import Path

_PRAGMAS = (
    "journal_mode=WAL",  # waits (up to ``timeout``) for a process that opens it right now
    "synchronous=FULL",
    "busy_timeout=0",  # SQLite would sleep; the loop has other requests to serve
    "wal_autocheckpoint=0",
    "foreign_keys=ON",
    "cache_size=-16000",
    "temp_store=MEMORY",
)


def open_file(path: Path) -> tuple[sqlite3.Connection, tuple[int, int]]:
    """Open the file and create it, readable by its owner alone, where it is missing.

    Returns a connection for one thread at a time, and which file it is: device and inode. Raises OSError
    and sqlite3.Error.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    opened = os.fstat(descriptor)
    os.close(descriptor)
    connection = sqlite3.connect(
        path, isolation_level=None, cached_statements=512, timeout=30, check_same_thread=False
    )
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection, (opened.st_dev, opened.st_ino)
