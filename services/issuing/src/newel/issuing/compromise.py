"""Compromised keys: every other certificate on a key that was called compromised is revoked, too.

Blocking the key and revoking the certificate that was named are one transaction (``storage.py``). The
rest is background work of one process, which holds no state: it revokes what it finds on a blocked key
and is done with the key when it finds nothing more. So it goes on after a crash where it stopped.
"""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from newel.issuing.metrics import Metrics
from newel.issuing.records import BlockedKey
from newel.issuing.requests import RevocationRequest
from newel.issuing.revocation import KEY_COMPROMISE, Revocations
from newel.runtime.clock import Clock, is_future
from newel.runtime.errors import ErrorType, NewelError

_BATCH = 64
_BATCHES = 64
"""Batches of one key in one run, so that a key with many certificates does not hold up the others."""
_KEYS = 64

# A certificate whose intent was recorded by a transaction that did not see the key blocked shows up
# this much later at most; see ``storage.py``.
_SETTLE = dt.timedelta(seconds=10)


class CompromisedKeyStore(Protocol):
    """The certificates of one kind, by their keys, and the blocked keys of all kinds."""

    async def list_unsettled(self, limit: int) -> list[BlockedKey]:
        """List blocked keys whose certificates were not yet all found revoked, oldest first."""
        ...

    async def list_on_key(
        self, digest: bytes, after: int, limit: int, now: dt.datetime, *, active: bool
    ) -> list[tuple[int, bytes]]:
        """List what is to be revoked on a key past a position: positions and serials, in order.

        That is what has not expired and is not revoked for key compromise, and with ``active`` also
        what is revoked for it passively.
        """
        ...

    async def has_open(self, digest: bytes) -> bool:
        """Whether a certificate on this key is being issued, or was left behind by a crash."""
        ...

    async def settle(self, digest: bytes, at: dt.datetime) -> None:
        """Record that no certificate on a key is left."""
        ...


class KeyedCertificates(NamedTuple):
    """One kind of certificates: where they are found by their key, and what revokes them."""

    store: CompromisedKeyStore
    revocations: Revocations


class CompromisedKeys:
    """Revokes what is left on blocked keys."""

    def __init__(self, kinds: Sequence[KeyedCertificates], clock: Clock, metrics: Metrics) -> None:
        self._kinds = kinds
        self._clock = clock
        self._metrics = metrics

    async def run(self) -> int:
        """Go over the blocked keys once; return how many certificates were revoked.

        Raises ``unavailable`` after it went over all of them when something could not be revoked.
        """
        keys = await self._kinds[0].store.list_unsettled(_KEYS)
        self._metrics.set_unsettled_keys(len(keys))
        count, failure = 0, None
        for key in keys:
            try:
                count += await self._revoke_key(key)
            except NewelError as error:
                failure = error
        if failure is not None:
            raise failure
        return count

    async def _revoke_key(self, key: BlockedKey) -> int:
        now = self._clock.now()
        # What is open now is completed later, or closed: that it is looked for first leaves no gap.
        is_open = [await kind.store.has_open(key.digest) for kind in self._kinds]
        count = 0
        for kind in self._kinds:
            done, is_whole = await self._revoke_kind(kind, key, now)
            count += done
            is_open.append(not is_whole)
        if not any(is_open) and _is_settled(key, now):
            await self._kinds[0].store.settle(key.digest, now)
        return count

    async def _revoke_kind(
        self, kind: KeyedCertificates, key: BlockedKey, now: dt.datetime
    ) -> tuple[int, bool]:
        """Return how many were revoked, and whether every one was reached. Raises NewelError."""
        count, after = 0, 0
        for _ in range(_BATCHES):
            found = await kind.store.list_on_key(key.digest, after, _BATCH, now, active=key.active)
            if not found:
                return count, True
            after = found[-1][0]
            results = await kind.revocations.revoke([_request(key, each) for _, each in found])
            for result in results:
                if not isinstance(result, NewelError):
                    count += 1
                elif result.type is not ErrorType.ALREADY_REVOKED:  # by someone who was faster
                    raise result
        return count, False


def _request(key: BlockedKey, serial: bytes) -> RevocationRequest:
    return RevocationRequest(
        serial=serial,
        certificate=None,
        reason=KEY_COMPROMISE,
        reason_text=f"its key is blocked: {key.cause}",
        active=key.active,
        actor=f"compromised key, declared by {key.actor}" if key.actor else "compromised key",
        provisioner="",
        request_id="",
    )


def _is_settled(key: BlockedKey, now: dt.datetime) -> bool:
    """Whether nothing can show up any more; a time in the future was written by a clock put back since."""
    declared = key.declared_at
    return declared + _SETTLE <= now or is_future(declared.timestamp(), now.timestamp())
