"""One-time links and sessions. A secret is known to its holder alone: the database has its digest."""

import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass
from typing import Protocol

from newel.crypto.loading import load_certificate
from newel.dashboard.config import Config
from newel.runtime.clock import Clock
from newel.runtime.entropy import random_password

_SECRET_SIZE = 32
_LONGEST_SECRET = 64


@dataclass(frozen=True, slots=True)
class Identity:
    """An administrator whose client certificate (DER) was proved by TLS."""

    certificate: bytes
    subject: str


@dataclass(frozen=True, slots=True)
class Session:
    """A session of an administrator."""

    identity: Identity
    expires_at: dt.datetime
    csrf_token: str
    """What every form of the session carries."""


class Secrets(Protocol):
    """Identities by the digest of a secret; times are in seconds since 1970."""

    async def add(self, digest: bytes, identity: Identity, expires_at: int, now: int) -> None:
        """Store one, and remove those that have expired."""
        ...

    async def find(self, digest: bytes, now: int) -> tuple[Identity, int] | None:
        """Return the identity and when it expires; None for an unknown or expired one."""
        ...

    async def take(self, digest: bytes, now: int) -> Identity | None:
        """Remove one and return its identity; of many that take one, one gets it."""
        ...


class Sessions:
    """Opens and ends sessions."""

    def __init__(self, links: Secrets, sessions: Secrets, clock: Clock, config: Config) -> None:
        self._links = links
        self._sessions = sessions
        self._clock = clock
        self._config = config

    async def make_link(self, identity: Identity) -> tuple[str, dt.datetime]:
        """Return the secret of a new one-time link, and when it expires."""
        return await self._add(self._links, identity, self._config.link_lifetime)

    async def find_link(self, secret: str) -> Identity | None:
        """Return whose link it is without using it; None for a used, expired or unknown one."""
        found = await self._links.find(_digest(secret), self._now())
        return found[0] if found else None

    async def use_link(self, secret: str) -> Identity | None:
        """Use a link up and return whose it was; None for a used, expired or unknown one."""
        return await self._links.take(_digest(secret), self._now())

    async def open(self, identity: Identity) -> str:
        """Open a session and return its new secret, which the browser keeps."""
        secret, _ = await self._add(self._sessions, identity, self._config.session_lifetime)
        return secret

    async def find(self, secret: str) -> Session | None:
        """Return the session of a secret; None for one that has ended or never was."""
        found = await self._sessions.find(_digest(secret), self._now())
        if found is None:
            return None
        identity, expires_at = found
        return Session(identity, dt.datetime.fromtimestamp(expires_at, dt.UTC), _csrf(secret))

    async def close(self, secret: str) -> None:
        """End a session."""
        await self._sessions.take(_digest(secret), self._now())

    async def _add(
        self, secrets: Secrets, identity: Identity, lifetime: dt.timedelta
    ) -> tuple[str, dt.datetime]:
        secret, now = random_password(_SECRET_SIZE), self._clock.now()
        end = load_certificate(identity.certificate).not_valid_after_utc
        expires = min(now + lifetime, end)
        await secrets.add(_digest(secret), identity, int(expires.timestamp()), self._now())
        return secret, expires

    def _now(self) -> int:
        return int(self._clock.unix())


def is_token(session: Session, given: str) -> bool:
    """Tell whether a form's token is the session's, in constant time."""
    return hmac.compare_digest(session.csrf_token.encode(), given[:_LONGEST_SECRET].encode())


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret[: _LONGEST_SECRET * 4].encode()).digest()


def _csrf(secret: str) -> str:
    """Derive the token of forms, from which the session's secret cannot be computed."""
    return hmac.digest(secret.encode(), b"newel dashboard form", "sha256").hex()
