"""All SQL of provisioners and used tokens."""

import asyncio
from collections.abc import Mapping, Sequence

from newel.registration.one_time import TAKEOVER_AFTER
from newel.registration.provisioners.grant import TokenUse
from newel.runtime.coalescer import Coalescer
from newel.runtime.database import Database, Statement, Write

_CLAIM = Statement(
    "INSERT INTO used_tokens (token, request, claimed_at, expires_at, finished)"
    " VALUES ($1, $2, $3, $4, 0) ON CONFLICT (token) DO NOTHING RETURNING token"
)
_TAKE_OVER = Statement(
    "UPDATE used_tokens SET claimed_at = $3"
    " WHERE token = $1 AND request = $2 AND finished = 0 AND claimed_at <= $4 RETURNING token"
)
_FINISH = Statement("UPDATE used_tokens SET finished = 1 WHERE token = $1")
_RELEASE = Statement("UPDATE used_tokens SET claimed_at = 0 WHERE token = $1 AND finished = 0")
_SWEEP = Statement(
    "DELETE FROM used_tokens WHERE token IN"
    " (SELECT token FROM used_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)"
)
_SWEEPABLE = Statement("SELECT 1 FROM used_tokens WHERE expires_at < $1 LIMIT 1")
_PROVISIONERS = Statement(
    "SELECT name, record, origin FROM provisioners WHERE removed_at IS NULL ORDER BY position, name"
)
_PUT = Statement(
    "INSERT INTO provisioners (name, position, record, origin) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (name) DO UPDATE SET position = excluded.position, record = excluded.record,"
    " origin = excluded.origin, removed_at = NULL"
)
_REMOVE = Statement("UPDATE provisioners SET removed_at = $2 WHERE name = $1")


_CONFIG = "config"


class UsedTokenTable:
    """Implements UsedTokens."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._finishing: Coalescer[bytes, None] = Coalescer(self._finish, out=1, largest=256)

    async def claim(self, use: TokenUse, request: bytes, now: int) -> bool:
        """See UsedTokens."""
        insert = Write(_CLAIM, (use.key, request, now, use.expires_at))
        if await self._database.decide(insert) is not None:
            return True
        take_over = Write(_TAKE_OVER, (use.key, request, now, now - TAKEOVER_AFTER))
        return await self._database.decide(take_over) is not None

    def finish(self, use: TokenUse) -> None:
        """See UsedTokens. A finish that fails leaves the use to the same request alone."""
        self._finishing.call(use.key).add_done_callback(_seen)

    async def release(self, use: TokenUse) -> None:
        """See UsedTokens."""
        await self._database.apply(Write(_RELEASE, (use.key,)))

    async def sweep(self, before: int, most: int) -> bool:
        """Forgets up to ``most`` tokens that expired before a time; whether there are more."""
        await self._database.apply(Write(_SWEEP, (before, most)))
        return bool(await self._database.fetch(_SWEEPABLE, before))

    async def _finish(self, keys: list[bytes]) -> Sequence[None]:
        await self._database.apply(*[Write(_FINISH, (key,)) for key in keys])
        return [None] * len(keys)


class ProvisionerTable:
    """Provisioners as they are stored: JSON records in an order."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def records(self) -> list[str]:
        """Every record that was not removed, in order."""
        return [row[1] for row in await self._database.fetch(_PROVISIONERS)]

    async def seed(self, records: Mapping[str, str], now: int) -> None:
        """Makes the configured provisioners (record by name) those of origin ``config``.

        The configuration wins over what it wrote before; what it no longer names is removed.
        """
        stored = await self._database.fetch(_PROVISIONERS)
        if [(name, record) for name, record, origin in stored if origin == _CONFIG] == [
            *records.items()
        ]:
            return
        gone = [name for name, _, origin in stored if origin == _CONFIG and name not in records]
        await self._database.apply(
            *[Write(_REMOVE, (name, now)) for name in gone],
            *[
                Write(_PUT, (name, position, record, _CONFIG))
                for position, (name, record) in enumerate(records.items())
            ],
        )


def _seen(future: asyncio.Future[None]) -> None:
    """Nobody waits for a finish; its failure was logged by the database."""
    if not future.cancelled():
        future.exception()
