"""The SQL of provisioners and used tokens."""

import asyncio
import datetime as dt
from collections.abc import Mapping

from newel.registration.errors import unauthorized_error
from newel.registration.provisioners.grant import TokenUse
from newel.runtime.database.contract import Database, Statement, Write

TAKEOVER_AFTER = 30
"""Seconds after which an unfinished claim counts as dead: twice what clients wait."""

KEPT_AFTER_EXPIRY = 2 * 60 * 60
"""Seconds a used token is kept after it expired, so that clocks may be wrong by an hour."""

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
    "SELECT name, record FROM provisioners WHERE removed_at IS NULL AND origin = $1"
    " ORDER BY position, name"
)
_REVISION = Statement("SELECT number FROM revisions WHERE name = $1")
_POLICY = Statement("SELECT policy FROM policies WHERE name = $1")
_PUT_POLICY = Statement(
    "INSERT INTO policies (name, policy, revision) VALUES ($1, $2, 0)"
    " ON CONFLICT (name) DO UPDATE SET policy = excluded.policy"
)
_RAISE_REVISION = Statement("UPDATE revisions SET number = number + 1 WHERE name = $1")
_PUT = Statement(
    "INSERT INTO provisioners (name, position, record, origin) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (name) DO UPDATE SET position = excluded.position, record = excluded.record,"
    " origin = excluded.origin, removed_at = NULL"
)
_REMOVE = Statement("UPDATE provisioners SET removed_at = $2 WHERE name = $1")


CONFIGURATION = "configuration"
"""The name of the revision that every change of provisioners, administrators and policies raises."""

RESTORED = "restored"
"""The name under which the revisions have the moment (seconds since 1970) that a backup was restored at."""

CONFIGURED, MANAGED = "config", "admin"
"""Origins of provisioners: named in the configuration, or managed by administrators."""
_POLICY_NAMES = {CONFIGURED: "configuration", MANAGED: "authority"}
"""The names of the authority's policy by who wrote it."""
_FLUSH_WAIT = 0.1  # seconds; far below TAKEOVER_AFTER
_FLUSH_BATCH = 500


class UsedTokenTable:
    """The used tokens. ``flush_forever`` has to run as a task."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._finished: list[bytes] = []
        self._any_finished = asyncio.Event()
        self._restored_at = 0

    async def read_fence(self) -> None:
        """Read when the database was last restored from a backup, before the first claim. Raises NewelError."""
        found = await self._database.fetch(_REVISION, RESTORED)
        self._restored_at = int(found[0][0]) if found else 0

    async def claim(
        self, use: TokenUse, request: bytes, now: dt.datetime, *, durable: bool
    ) -> bool:
        """Claim a token's one use, or take over an unfinished claim of the same request.

        False when it was used before. A claim that is not durable holds for every process at once and
        may be lost when the machine loses its power. Raises ``unauthorized`` for a token that was made before
        the database was restored from a backup: whether it was used since the backup is not on record.
        """
        if self._restored_at and use.issued_at <= self._restored_at:
            raise unauthorized_error(
                "the token was made before this authority was restored from a backup, or does not say when"
                " (iat)",
                detail="the authority was restored from a backup after this token was made; make a new one",
            )
        seconds = int(now.timestamp())
        decide = self._database.decide
        first = Write(_CLAIM, (use.key, use.expires_at))
        its_use = Write(_OPEN, (use.key, request, seconds))
        if await decide(first, its_use, durable=durable) is not None:
            return True
        # a claim from the future is left over from a clock that ran ahead
        void = seconds - TAKEOVER_AFTER, seconds + TAKEOVER_AFTER
        take_over = Write(_TAKE_OVER, (use.key, request, seconds, *void))
        return await decide(take_over, durable=durable) is not None

    def finish(self, use: TokenUse) -> None:
        """End a use, good or bad, with the next flush: it can no longer be taken over."""
        self._finished.append(use.key)
        self._any_finished.set()

    async def release(self, use: TokenUse) -> None:
        """Let the same request take the claim over at once."""
        await self._database.apply(Write(_RELEASE, (use.key,)))

    async def flush_forever(self) -> None:
        """Store finished uses, many at a time, until cancelled."""
        while True:
            await self._any_finished.wait()
            await asyncio.sleep(_FLUSH_WAIT)
            await self.flush()

    async def flush(self) -> None:
        """Store every finished use."""
        self._any_finished.clear()
        finished, self._finished = self._finished, []
        for start in range(0, len(finished), _FLUSH_BATCH):
            keys = finished[start : start + _FLUSH_BATCH]
            await self._database.apply(*[Write(_FINISH, (key,)) for key in keys])

    async def sweep(self, now: dt.datetime, limit: int) -> bool:
        """Delete up to ``limit`` tokens that expired long ago; True when there are more."""
        before = int(now.timestamp()) - KEPT_AFTER_EXPIRY
        await self._database.apply(Write(_SWEEP, (before, limit)), Write(_SWEEP_OPEN, (before,)))
        return bool(await self._database.fetch(_SWEEPABLE, before))


class ProvisionerTable:
    """The stored provisioners of one origin: JSON records in an order."""

    def __init__(self, database: Database, origin: str = CONFIGURED) -> None:
        self._database = database
        self._origin = origin

    async def revision(self) -> int:
        """Read the number that every change raises."""
        return int((await self._database.fetch(_REVISION, CONFIGURATION))[0][0])

    async def records(self) -> list[str]:
        """Read every record that was not removed, in order."""
        return [row[1] for row in await self._database.fetch(_PROVISIONERS, self._origin)]

    async def policy(self) -> str:
        """Read the authority's policy, as ca.json has it; ``""`` without one."""
        found = await self._database.fetch(_POLICY, _POLICY_NAMES[self._origin])
        return found[0][0] if found else ""

    async def seed(self, records: Mapping[str, str], policy: str, now: dt.datetime) -> None:
        """Store the configured provisioners (record by name) and the authority's policy, as JSON.

        The configuration wins over what it wrote before; what it no longer names is removed.
        """
        stored = dict(await self._database.fetch(_PROVISIONERS, CONFIGURED))
        name = _POLICY_NAMES[CONFIGURED]
        known = await self._database.fetch(_POLICY, name)
        if [*stored.items()] == [*records.items()] and (known[0][0] if known else "") == policy:
            return
        gone = [each for each in stored if each not in records]
        await self._database.apply(
            *[Write(_REMOVE, (each, int(now.timestamp()))) for each in gone],
            *[
                Write(_PUT, (each, position, record, CONFIGURED))
                for position, (each, record) in enumerate(records.items())
            ],
            Write(_PUT_POLICY, (name, policy)),
            Write(_RAISE_REVISION, (CONFIGURATION,)),
        )
