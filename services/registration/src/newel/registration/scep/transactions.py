"""One transaction, one request: decided by the database, across replicas and after restarts.

RFC 8894 §3.2.1.1: a transaction id names one request. The same request again gets the same
certificate, because the answer may have been lost; another request under its name is refused.
"""

import datetime as dt
import hashlib
from dataclasses import dataclass

from newel.registration.scep.storage import SCEPStorage
from newel.runtime.clock import Clock
from newel.scep.constants import FailInfo, RefusedError

REMEMBERED = dt.timedelta(hours=1)
"""How long a transaction is known; many clients name it by a digest of their key, and use that again."""


@dataclass(frozen=True, slots=True)
class Transactions:
    """The transactions of the last hour."""

    storage: SCEPStorage
    clock: Clock

    async def begin(self, provisioner: str, message_type: int, name: str, request: bytes) -> bytes:
        """Begin or repeat a transaction; return its idempotency key for the issuing authority.

        Raises RefusedError for a name that another request has.
        """
        id = hashlib.sha256(f"{provisioner}\0{message_type}\0{name}".encode()).digest()  # noqa: A001 - its id
        digest = hashlib.sha256(request).digest()
        known, created_at = await self.storage.begin_transaction(id, digest, self.clock.now())
        if known != digest:
            raise RefusedError(
                FailInfo.BAD_REQUEST,
                "the transaction id belongs to another request of the last hour",
            )
        return (created_at & 0xFFFFFFFF).to_bytes(4, "big") + id[:24]

    async def sweep(self) -> None:
        """Forget what is older, and expired transport keys."""
        now = self.clock.now()
        while await self.storage.sweep(now, now - REMEMBERED, 1000):
            pass
