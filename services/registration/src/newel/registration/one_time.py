"""One use for every token, decided by the database: at once, across replicas and after restarts.

A token is claimed before the work and finished after it. A claim that was never finished (the process
died, the issuing authority was away) may be taken over by the same token with the same request, once
it is older than any request can live; then the issuing authority answers with the same certificate.
"""

import hashlib
from typing import Protocol

from newel.registration.errors import unauthorized
from newel.registration.provisioners.grant import TokenUse

TAKEOVER_AFTER = 30
"""Seconds after which an unfinished claim is taken for dead: twice what clients wait."""

KEPT_AFTER_EXPIRY = 2 * 60 * 60
"""Seconds a used token is remembered after it expired, so that clocks may be wrong by an hour."""


class UsedTokens(Protocol):
    """The used tokens' table."""

    async def claim(self, use: TokenUse, request: bytes, now: int, *, durable: bool) -> bool:
        """Whether this is the token's one use (or takes over an unfinished one).

        A claim that is not durable holds for every process at once, and may be forgotten when the
        machine loses its power.
        """
        ...

    def finish(self, use: TokenUse) -> None:
        """Writes soon that the use came to its end, good or bad: no take-over from then on."""
        ...

    async def release(self, use: TokenUse) -> None:
        """Lets the same request take the claim over at once."""
        ...


async def use_once(
    used: UsedTokens, use: TokenUse, request: bytes, now: float, *, durable: bool = True
) -> None:
    """Claims a token whose signature was verified. Raises the refusal when it was used before.

    ``durable=False``: what the token is used for carries its :func:`idempotency_key` into a record
    of its own that is durable, so that the token serves nothing else even if the claim is forgotten.
    """
    if not await used.claim(use, hashlib.sha256(request).digest(), int(now), durable=durable):
        raise unauthorized("token already used")


def idempotency_key(use: TokenUse) -> bytes:
    """The key under which the issuing authority makes one certificate of this token.

    Time first, so that its index grows at one end (at the claims' speed, in order).
    """
    return (use.expires_at & 0xFFFFFFFF).to_bytes(4, "big") + use.key
