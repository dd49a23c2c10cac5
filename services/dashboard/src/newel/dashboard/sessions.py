"""One-time links and sessions. A secret is known to its holder alone: the database has its digest."""

import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from newel.crypto.loading import load_certificate
from newel.dashboard.config import Config
from newel.dashboard.sealing import seal, unseal
from newel.runtime.clock import Clock
from newel.runtime.entropy import random_password
from newel.step import tokens

_SECRET_SIZE = 32
_LONGEST_SECRET = 64


@dataclass(frozen=True, slots=True)
class Identity:
    """An administrator whose client certificate (DER) was proved by TLS, or by its delegations."""

    certificate: bytes
    subject: str
    delegations: Mapping[str, str] = field(default_factory=dict[str, str])
    """By interface: what the certificate's key signed for this dashboard."""


class Entry(NamedTuple):
    """What the database has of a link or a session."""

    certificate: bytes
    subject: str
    sealed: bytes | None
    """The delegations, which the secret opens."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session of an administrator."""

    identity: Identity
    expires_at: dt.datetime
    csrf_token: str
    """What every form of the session carries."""


class Secrets(Protocol):
    """Entries by the digest of a secret; times are in seconds since 1970."""

    async def add(self, digest: bytes, entry: Entry, expires_at: int, now: int) -> None:
        """Store one, and remove those that have expired."""
        ...

    async def find(self, digest: bytes, now: int) -> tuple[Entry, int] | None:
        """Return the entry and when it expires; None for an unknown or expired one."""
        ...

    async def take(self, digest: bytes, now: int) -> Entry | None:
        """Remove one and return it; of many that take one, one gets it."""
        ...


class Sessions:
    """Opens and ends sessions."""

    def __init__(self, links: Secrets, sessions: Secrets, clock: Clock, config: Config) -> None:
        self._links = links
        self._sessions = sessions
        self._clock = clock
        self._config = config
        self.lifetime = config.link_lifetime + config.session_lifetime
        """How long what a link stands for is of use at most."""

    async def make_link(self, identity: Identity) -> tuple[str, dt.datetime]:
        """Return the secret of a new one-time link, and when it expires."""
        return await self._add(self._links, identity, self._config.link_lifetime)

    async def find_link(self, secret: str) -> Identity | None:
        """Return whose link it is without using it; None for a used, expired or unknown one."""
        found = await self._links.find(_digest(secret), self._now())
        return _open(secret, found[0]) if found else None

    async def use_link(self, secret: str) -> Identity | None:
        """Use a link up and return whose it was; None for a used, expired or unknown one."""
        entry = await self._links.take(_digest(secret), self._now())
        return _open(secret, entry) if entry else None

    async def open(self, identity: Identity) -> str:
        """Open a session and return its new secret, which the browser keeps."""
        secret, _ = await self._add(self._sessions, identity, self._config.session_lifetime)
        return secret

    async def find(self, secret: str) -> Session | None:
        """Return the session of a secret; None for one that has ended or never was."""
        found = await self._sessions.find(_digest(secret), self._now())
        if found is None:
            return None
        entry, expires_at = found
        identity = _open(secret, entry)
        if identity is None:
            return None
        return Session(identity, dt.datetime.fromtimestamp(expires_at, dt.UTC), _csrf(secret))

    async def close(self, secret: str) -> None:
        """End a session."""
        await self._sessions.take(_digest(secret), self._now())

    async def _add(
        self, secrets: Secrets, identity: Identity, lifetime: dt.timedelta
    ) -> tuple[str, dt.datetime]:
        secret, now = random_password(_SECRET_SIZE), self._clock.now()
        end = load_certificate(identity.certificate).not_valid_after_utc
        expires = min(now + lifetime, end, *map(_read_end, identity.delegations.values()))
        sealed = seal(secret, identity.delegations)
        entry = Entry(identity.certificate, identity.subject, sealed)
        await secrets.add(_digest(secret), entry, int(expires.timestamp()), self._now())
        return secret, expires

    def _now(self) -> int:
        return int(self._clock.unix())


def is_token(session: Session, given: str) -> bool:
    """Tell whether a form's token is the session's, in constant time."""
    return hmac.compare_digest(session.csrf_token.encode(), given[:_LONGEST_SECRET].encode())


def _open(secret: str, entry: Entry) -> Identity | None:
    """Return whose entry it is; None for one that was changed in the database, which is worth nothing."""
    try:
        return Identity(entry.certificate, entry.subject, unseal(secret, entry.sealed))
    except ValueError:
        return None


def _read_end(delegation: str) -> dt.datetime:
    """Return when a delegation ends, which was verified before."""
    end = tokens.parse(delegation).unverified.exp or 0
    return dt.datetime.fromtimestamp(end, dt.UTC)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret[: _LONGEST_SECRET * 4].encode()).digest()


def _csrf(secret: str) -> str:
    """Derive the token of forms, from which the session's secret cannot be computed."""
    return hmac.digest(secret.encode(), b"newel dashboard form", "sha256").hex()
