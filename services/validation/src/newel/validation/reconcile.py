"""Compares the recorded statuses with the issuing authority's own lists.

Events arrive at least once, yet a restored database, a purged stream or a bug may lose some. The
lists are read by cursor: the issuing authority lists nothing that an earlier row may still precede.
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from prometheus_client import Counter

from newel.proto.issuing.v1 import issuing_pb2
from newel.runtime.clock import Clock
from newel.validation.messages import read_issued, read_revocation
from newel.validation.projection import Changed
from newel.validation.status import Revocation, StatusWriter

if TYPE_CHECKING:  # the generated stub has one type for both kinds of channel
    from newel.proto.issuing.v1.issuing_pb2_grpc import RepositoryAsyncStub

_log = logging.getLogger("newel.validation.reconcile")

REVOKED_CURSOR = "revoked-read"
ISSUED_CURSOR = "issued-read"

_PAGE = 1000
_EVENT_DUE = 5.0  # seconds after which an event should have come
_TIMEOUT = 600.0  # seconds one list may take: the first one of an old issuer is long


class Reconciler:
    """Reads the lists and records what is missing; it runs under a lease."""

    def __init__(
        self,
        repository: "RepositoryAsyncStub",
        store: StatusWriter,
        changed: Changed,
        clock: Clock,
        repaired: Counter,
    ) -> None:
        self._repository = repository
        self._store = store
        self._changed = changed
        self._clock = clock
        self._repaired = repaired

    async def compare_revocations(self) -> None:
        """Record missing revocations, and the time. Raises grpc.RpcError."""
        started = self._clock.unix()
        after = await self._store.cursor(REVOKED_CURSOR)
        request = issuing_pb2.ListRequest(after=after, page=_PAGE)
        async for page in self._repository.ListRevoked(request, timeout=_TIMEOUT):
            listed = [read_revocation(one) for one in page.revocations if one.active]
            missing = await self._store.find_unrecorded(listed)
            if missing:
                await self._store.record_revoked(missing)
                self._changed(one.key for one in missing)
                self._count(missing, started)
            for last in page.revocations[-1:]:
                await self._store.advance(REVOKED_CURSOR, last.position)
        await self._store.note_agreement(int(started))

    async def compare_certificates(self) -> None:
        """Record certificates that no event announced. Raises grpc.RpcError."""
        after = await self._store.cursor(ISSUED_CURSOR)
        request = issuing_pb2.ListRequest(after=after, page=_PAGE)
        async for page in self._repository.ListIssued(request, timeout=_TIMEOUT):
            new = [read_issued(one) for one in page.records]
            await self._store.record_issued(new)
            self._changed(one.key for one in new)
            # page by page: the first run over an old issuer may be interrupted
            for last in page.records[-1:]:
                await self._store.advance(ISSUED_CURSOR, last.position)

    def _count(self, missing: Sequence[Revocation], now: float) -> None:
        """Count those whose event is late, and not just on its way."""
        late = sum(one.revoked_at < now - _EVENT_DUE for one in missing)
        if late:
            self._repaired.inc(late)
            _log.warning("%d revocations had not arrived as events, and were added", late)
