"""Key sets of identity providers in memory: fetched before they are needed, kept through outages.

A request waits for a fetch only while there is no set yet, or when its token names a key that the set
does not have. Requests for one set share a fetch; other sets are not delayed by it.
"""

import asyncio
import logging
import weakref
from collections.abc import Awaitable, Callable, Hashable
from typing import NamedTuple

from newel.registration.provisioners.key_sets import KeySet
from newel.runtime.clock import Clock, is_future
from newel.runtime.egress import EgressError
from newel.runtime.entropy import random_fraction
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.outgoing import OutgoingClient
from newel.runtime.outages import Outage
from newel.step.tokens import Token, UnverifiedToken

DEFAULT_AGE = 12 * 3600.0
"""Seconds for which a set is fresh when its server does not say (Cache-Control, RFC 9111 §5.2.2.1)."""
MIN_AGE, MAX_AGE = 60.0, 24 * 3600.0
"""The bounds of what a server may say."""
MAX_STALE = 3 * 24 * 3600.0
"""Seconds after its fetch for which a set is used while its server cannot be reached."""
FETCH_INTERVAL = 5.0
"""Seconds between two fetches of one set that requests cause."""
MAX_PAUSE = 300.0
"""Seconds between two fetches in the background, while they fail, at most."""
TICK = 1.0
"""Seconds between two looks for sets that are due."""

_MAX_JITTER = 3600.0
_log = logging.getLogger("newel.registration")


class IssuerKeys(NamedTuple):
    """The keys of one issuer, as its server publishes them."""

    keys: KeySet
    issuer: str = ""
    """From the discovery document; ``""`` where there is none."""
    max_age: float | None = None
    """Seconds for which they are fresh; None: the server does not say."""


Load = Callable[[], Awaitable[IssuerKeys]]
"""Fetches the keys. Raises EgressError when that fails, ValueError when they cannot be used."""


class CachedKeySet:
    """The key set of one provider."""

    def __init__(self, what: str, load: Load, clock: Clock) -> None:
        """Know nothing yet. ``what`` names the set in logs and errors."""
        self.what = what
        self._load = load
        self._clock = clock
        self._lock = asyncio.Lock()
        self._outage = Outage(_log, f"fetching {what}")
        self._found: IssuerKeys | None = None
        self._found_at = 0.0
        self._tried_at = 0.0
        self._attempts = 0
        self._failures = 0
        self._due_at = 0.0
        self._problem = "it was not fetched yet"

    @property
    def problem(self) -> str:
        """Why there is no set to verify with; ``""`` while there is one."""
        return "" if self._is_usable() else f"{self.what}: {self._problem}"

    def prepare(self, key_id: str) -> Awaitable[None] | None:
        """Return the fetch that a token with this key id has to wait for; None for none.

        The fetch does not raise when it fails: :meth:`find` does, unless an older set has the key.
        """
        if self._is_usable() and self._found is not None and self._found.keys.has(key_id):
            return None
        if not self._lock.locked() and 0 <= self._clock.unix() - self._tried_at < FETCH_INTERVAL:
            return None
        return self._fetch_after(self._attempts)

    def find(self, key_id: str) -> IssuerKeys:
        """Return the set in which a key of this id would be.

        Raises ``unavailable`` without a set, and when the key may be a new one that could not be fetched.
        """
        found = self._found if self._is_usable() else None
        if found is not None and (found.keys.has(key_id) or not self._failures):
            return found
        raise self._unavailable_error()

    def verify(self, token: UnverifiedToken) -> tuple[Token, str]:
        """Verify a token; returns it with the issuer of the keys. Raises NewelError."""
        found = self.find(token.header.kid or "")
        return found.keys.verify(token), found.issuer

    @property
    def is_due(self) -> bool:
        """Whether the set should be fetched in the background."""
        now = self._clock.unix()
        return not self._lock.locked() and (now >= self._due_at or is_future(self._tried_at, now))

    async def refresh(self) -> None:
        """Fetch the set, unless it was fetched while this waited. Does not raise when that fails."""
        await self._fetch_after(self._attempts)

    def _unavailable_error(self) -> NewelError:
        return NewelError(
            ErrorType.UNAVAILABLE,
            "the keys of the identity provider cannot be fetched",
            cause=f"{self.what}: {self._problem}",
        )

    def _is_usable(self) -> bool:
        return self._found is not None and self._clock.unix() < self._found_at + MAX_STALE

    async def _fetch_after(self, attempt: int) -> None:
        async with self._lock:
            if self._attempts == attempt:
                await self._fetch()

    async def _fetch(self) -> None:
        self._attempts += 1
        self._tried_at = self._clock.unix()
        try:
            found = await self._load()
        except (EgressError, ValueError) as error:
            self._failures += 1
            self._problem = str(error)
            pause = min(FETCH_INTERVAL * 2 ** min(self._failures - 1, 10), MAX_PAUSE)
            self._due_at = self._tried_at + pause
            self._outage.note_failure(self._unavailable_error())
            return
        self._outage.note_recovery()
        self._found, self._found_at, self._failures = found, self._tried_at, 0
        self._due_at = self._tried_at + _fresh_seconds(found.max_age)


def _fresh_seconds(max_age: float | None) -> float:
    """Return when to fetch again: early by chance, so that replicas fall out of step."""
    age = DEFAULT_AGE if max_age is None else min(max(max_age, MIN_AGE), MAX_AGE)
    return age - random_fraction() * min(age / 3, _MAX_JITTER)


class KeySetCache:
    """The key sets of a process. A set lives as long as a provisioner uses it, across reloads."""

    def __init__(self, client: OutgoingClient, clock: Clock) -> None:
        self.client = client
        self._clock = clock
        self._sets: weakref.WeakValueDictionary[Hashable, CachedKeySet] = (
            weakref.WeakValueDictionary()
        )

    def share(self, key: Hashable, what: str, load: Load) -> CachedKeySet:
        """Return the set of this key; a new one when no provisioner uses it."""
        found = self._sets.get(key)
        if found is None:
            found = self._sets[key] = CachedKeySet(what, load, self._clock)
        return found

    async def refresh_forever(self) -> None:
        """Fetch every set when it is due, until cancelled: a task of the process."""
        async with asyncio.TaskGroup() as group:
            while True:
                for each in list(self._sets.values()):
                    if each.is_due:
                        group.create_task(each.refresh())
                await asyncio.sleep(TICK)
