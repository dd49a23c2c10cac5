"""All SQL of provisioners and used tokens."""

import asyncio
from collections.abc import Mapping

from newel.registration.one_time import TAKEOVER_AFTER
from newel.registration.provisioners.grant import TokenUse
from newel.runtime.database.contract import Database, Statement, Write

_CLAIM = Statement(
    "INSERT INTO used_tokens (token, expires_at) VALUES ($1, $2)"
    " ON CONFLICT (token) DO NOTHING RETURNING token"
)
_OPEN = Statement("INSERT INTO open_uses (token, request, claimed_at) VALUES ($1, $2, $3)")
_TAKE_OVER = Statement(
    "UPDATE open_uses SET claimed_at = $3"
    " WHERE token = $1 AND request = $2 AND (claimed_at <= $4 OR claimed_at > $5) RETURNING token"
)
_FINISH = Statement("DELETE FROM open_uses WHERE token = $1")
_RELEASE = Statement("UPDATE open_uses SET claimed_at = 0 WHERE token = $1")
_SWEEP = Statement(
    "DELETE FROM used_tokens WHERE token IN"
    " (SELECT token FROM used_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)"
)
_SWEEP_OPEN = Statement("DELETE FROM open_uses WHERE claimed_at < $1")
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
_ENDS_WAIT = 0.1  # seconds; far below TAKEOVER_AFTER
_ENDS_AT_ONCE = 500


class UsedTokenTable:
    """Implements UsedTokens. ``write_ends`` has to run beside it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ended: list[bytes] = []
        self._some_ended = asyncio.Event()

    async def claim(self, use: TokenUse, request: bytes, now: int, *, durable: bool) -> bool:
        """See UsedTokens."""
        decide = self._database.decide
        first = Write(_CLAIM, (use.key, use.expires_at))
        its_use = Write(_OPEN, (use.key, request, now))
        if await decide(first, its_use, durable=durable) is not None:
            return True
        # a claim from the future is left over from a clock that ran ahead
        void = now - TAKEOVER_AFTER, now + TAKEOVER_AFTER
        take_over = Write(_TAKE_OVER, (use.key, request, now, *void))
        return await decide(take_over, durable=durable) is not None

    def finish(self, use: TokenUse) -> None:
        """See UsedTokens."""
        self._ended.append(use.key)
        self._some_ended.set()

    async def release(self, use: TokenUse) -> None:
        """See UsedTokens."""
        await self._database.apply(Write(_RELEASE, (use.key,)))

    async def write_ends(self) -> None:
        """Writes ends down, many at a time, until cancelled."""
        while True:
            await self._some_ended.wait()
            await asyncio.sleep(_ENDS_WAIT)
            await self.flush()

    async def flush(self) -> None:
        """Writes down every end there is."""
        self._some_ended.clear()
        ended, self._ended = self._ended, []
        for start in range(0, len(ended), _ENDS_AT_ONCE):
            keys = ended[start : start + _ENDS_AT_ONCE]
            await self._database.apply(*[Write(_FINISH, (key,)) for key in keys])

    async def sweep(self, before: int, most: int) -> bool:
        """Forgets up to ``most`` tokens that expired before a time; whether there are more."""
        await self._database.apply(Write(_SWEEP, (before, most)), Write(_SWEEP_OPEN, (before,)))
        return bool(await self._database.fetch(_SWEEPABLE, before))


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
