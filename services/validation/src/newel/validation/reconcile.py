"""Compares what events told with the issuing authority's own lists.

Events arrive at least once, yet a restored database, a purged stream or a bug may lose some. The
lists are read by cursor: the issuing authority lists nothing that something may still come before.
"""

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from prometheus_client import Counter

from newel.proto.issuing.v1 import issuing_pb2
from newel.runtime.clock import Clock
from newel.validation.learned import issued, revocation
from newel.validation.projection import Changed
from newel.validation.status import Revocation, StatusWriter

_log = logging.getLogger("newel.validation.reconcile")

REVOKED_CURSOR = "revoked-read"
ISSUED_CURSOR = "issued-read"

_PAGE = 1000
_EVENT_DUE = 5.0  # seconds after which an event should have come
_TIMEOUT = 600.0  # seconds one list may take: the first one of an old authority is long


class Repository(Protocol):
    """The part of ``issuing.v1.Repository`` that is called: the generated stub."""

    ListRevoked: Any
    ListIssued: Any


class Reconciler:
    """Runs under a lease, so that one of any number of workers does it."""

    def __init__(
        self, repository: Repository, store: StatusWriter, changed: Changed, clock: Clock,
        repaired: Counter,
    ) -> None:  # fmt: skip
        self._repository = repository
        self._store = store
        self._changed = changed
        self._clock = clock
        self._repaired = repaired

    async def revocations(self) -> None:
        """Records what is missing and marks the time; raises grpc.RpcError when nobody answers."""
        started = self._clock.unix()
        after = await self._store.cursor(REVOKED_CURSOR)
        request = issuing_pb2.ListRequest(after=after, page=_PAGE)
        async for page in self._repository.ListRevoked(request, timeout=_TIMEOUT):
            told = [revocation(one) for one in page.revocations if one.active]
            missing = await self._store.unrecorded(told)
            if missing:
                await self._store.record_revoked(missing)
                self._changed(one.key for one in missing)
                self._count(missing, started)
            for last in page.revocations[-1:]:
                await self._store.advance(REVOKED_CURSOR, last.position)
        await self._store.note_agreement(int(started))

    async def certificates(self) -> None:
        """Records certificates that no event told; raises grpc.RpcError when nobody answers."""
        after = await self._store.cursor(ISSUED_CURSOR)
        request = issuing_pb2.ListRequest(after=after, page=_PAGE)
        async for page in self._repository.ListIssued(request, timeout=_TIMEOUT):
            new = [issued(one) for one in page.records]
            await self._store.record_issued(new)
            self._changed(one.key for one in new)
            # page by page: the first run over an old authority may be interrupted
            for last in page.records[-1:]:
                await self._store.advance(ISSUED_CURSOR, last.position)

    def _count(self, missing: Sequence[Revocation], now: float) -> None:
        """Those whose event is late, not just on its way."""
        late = sum(one.revoked_at < now - _EVENT_DUE for one in missing)
        if late:
            self._repaired.inc(late)
            _log.warning("%d revocations had not arrived as events, and were added", late)
