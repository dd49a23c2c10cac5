"""The wait for a SQLite file that another process keeps locked, before its first use."""

import asyncio
import contextlib
import logging
import sqlite3
from pathlib import Path

from newel.runtime.database.connect import UnusableDatabaseError

_log = logging.getLogger(__name__)

_SAID_AFTER = 1.0
_AT_MOST = 30.0
_TRY_AGAIN_AFTER = 0.02


async def wait_for_write_lock(
    path: Path, *, said_after: float = _SAID_AFTER, at_most: float = _AT_MOST
) -> None:
    """Return once the file can be written; log what is waited for, if that takes long.

    Raises UnusableDatabaseError when it takes longer than ``at_most`` seconds. Every other fault of a
    file is left to its opener.
    """
    loop = asyncio.get_running_loop()
    begun, said = loop.time(), False
    while _is_locked(path):
        waited = loop.time() - begun
        if waited >= at_most:
            raise UnusableDatabaseError(
                f"{path}: another process has kept the database locked for {at_most:.0f} seconds; end that"
                " process, a backup or a sqlite3 shell for instance, and start again"
            )
        if waited >= said_after and not said:
            said = True
            _log.warning("%s: waiting for another process that keeps the database locked", path)
        await asyncio.sleep(_TRY_AGAIN_AFTER)


def _is_locked(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as probe:
            probe.execute("BEGIN IMMEDIATE")
            probe.execute("ROLLBACK")
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        return code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    return False
