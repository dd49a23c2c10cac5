"""One use for every token, decided by the database: at once, across replicas and after restarts.

A token is claimed before the work and finished after it. A claim that was never finished (the process
died, the issuing authority did not answer) may be taken over by the same token with the same request,
once it is older than any request can live; then the issuing authority returns the same certificate.
"""

import datetime as dt
import hashlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from newel.registration.errors import unauthorized_error
from newel.registration.provisioners.grant import TokenUse
from newel.registration.storage import UsedTokenTable
from newel.runtime.entropy import random_bytes
from newel.runtime.errors import ErrorType, NewelError

Result = TypeVar("Result")


async def use_once(
    used: UsedTokenTable, use: TokenUse, request: bytes, now: dt.datetime, *, durable: bool = True
) -> None:
    """Claim a token whose signature was verified. Raises ``unauthorized`` when it was used before.

    ``durable=False``: the result carries the :func:`idempotency_key` into a durable record of its own,
    so that the token serves nothing else even if the claim is lost in a power failure.
    """
    if not await used.claim(use, hashlib.sha256(request).digest(), now, durable=durable):
        raise unauthorized_error("token already used")


async def issue_once(
    used: UsedTokenTable,
    use: TokenUse | None,
    request: bytes,
    now: dt.datetime,
    issue: Callable[[], Awaitable[Result]],
) -> Result:
    """Claim a token, have issued what it is used for, and end the use with that.

    Without a ``use`` the token may be used again, and nothing is claimed. While the issuing authority is
    unavailable the same request may claim the token again. Raises NewelError.
    """
    if use is None:
        return await issue()
    await use_once(used, use, request, now, durable=False)
    try:
        result = await issue()
    except NewelError as error:
        if error.type is ErrorType.UNAVAILABLE:
            await used.release(use)
        else:
            used.finish(use)
        raise
    used.finish(use)
    return result


def idempotency_key(use: TokenUse | None) -> bytes:
    """Return the key under which the issuing authority makes one certificate of this token.

    Time first, so that its index grows at one end (at the claims' speed, in order). A token that may be
    used again has another key every time.
    """
    if use is None:
        return random_bytes(28)
    return (use.expires_at & 0xFFFFFFFF).to_bytes(4, "big") + use.key
