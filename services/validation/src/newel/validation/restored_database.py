"""A database that a backup brought back: its lists are older than those that were published since."""

from newel.runtime.database.contract import Database, Statement, Write

_MAKE_LISTS_DUE = Statement("UPDATE crls SET this_update = 0")
_MAKE_KEY_LISTS_DUE = Statement("UPDATE krls SET made_at = 0")


async def make_lists_due(database: Database) -> None:
    """Let every revocation list be made again at the next start, with a number from the clock.

    Until then relying parties would be given a list with a lower number than they have seen. What expired
    since the list of the backup stays on the next one (RFC 5280 §3.3). Raises NewelError.
    """
    await database.apply(Write(_MAKE_LISTS_DUE, ()), Write(_MAKE_KEY_LISTS_DUE, ()))
