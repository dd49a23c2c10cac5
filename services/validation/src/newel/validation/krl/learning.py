"""How revocations of SSH certificates are learnt: by events, and by the list behind them.

Both are idempotent and indifferent to order. Passive revocations stop renewal and are not published.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from newel.proto import subjects
from newel.proto.events.v1 import events_pb2
from newel.proto.issuing.v1 import issuing_pb2
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.events.contract import Event, Subscription
from newel.validation.krl.values import SSHRevocation, SSHRevocationStore

if TYPE_CHECKING:  # the generated stub has one type for both kinds of channel
    from newel.proto.issuing.v1.issuing_pb2_grpc import RepositoryAsyncStub

_log = logging.getLogger("newel.validation.krl")

_PAGE = 1000
_TIMEOUT = 600.0  # seconds: the first list of an old issuer is long
_CALL_TIMEOUT = 10.0  # seconds
_SERIAL = 8  # octets (PROTOCOL.certkeys)


class RevokedMessage(Protocol):
    """The fields that ``events.v1.CertificateRevoked`` and ``issuing.v1.Revoked`` share."""

    serial: bytes
    issuer: str
    active: bool

    @property
    def not_after(self) -> Timestamp:
        """When the certificate expires."""
        ...


def read_revocation(message: RevokedMessage) -> SSHRevocation:
    """Read a revocation. Raises ValueError for a serial number that a KRL cannot have."""
    serial = message.serial
    if len(serial) != _SERIAL or not any(serial):
        raise ValueError(f"serial number {serial.hex()!r} is not of 8 octets, or is zero")
    return SSHRevocation(message.issuer, serial, message.not_after.seconds)


class KRLProjection:
    """The durable consumer ``validation-krl``."""

    def __init__(self, store: SSHRevocationStore, audit: Audit) -> None:
        self._store = store
        self._audit = audit

    def subscription(self) -> Subscription:
        """Return the subscription for the event bus."""
        return Subscription("validation-krl", (subjects.SSH_REVOKED,), self.handle)

    async def handle(self, events: Sequence[Event]) -> None:
        """Record one batch.

        An event that cannot be read is audited and skipped: it would hold up every event behind it.
        """
        found: list[SSHRevocation] = []
        for event in events:
            try:
                message = events_pb2.CertificateRevoked.FromString(event.payload)
                if message.active:
                    found.append(read_revocation(message))
            except (DecodeError, ValueError) as error:
                self._audit.record("ssh.projection", "refused", cause=str(error), event_id=event.id)
        await self._store.record(found)


class KRLReconciler:
    """Compares the recorded revocations with the issuing authority's list; it runs under a lease."""

    def __init__(
        self, repository: "RepositoryAsyncStub", store: SSHRevocationStore, clock: Clock
    ) -> None:
        self._repository = repository
        self._store = store
        self._clock = clock

    async def learn_issuers(self) -> None:
        """Record the CAs' keys, or that there are none. Raises grpc.RpcError, within ten seconds."""
        call = self._repository.ListSSHIssuers(
            issuing_pb2.ListIssuersRequest(), timeout=_CALL_TIMEOUT
        )
        listed = (await call).issuers
        await self._store.record_issuers({each.id: each.public_key for each in listed})
        if not listed:
            await self._store.record_absence(int(self._clock.unix()))

    async def compare(self) -> None:
        """Record the CAs' keys and missing revocations. Raises grpc.RpcError."""
        await self.learn_issuers()
        request = issuing_pb2.ListRequest(after=await self._store.cursor(), page=_PAGE)
        async for page in self._repository.ListSSHRevoked(request, timeout=_TIMEOUT):
            await self._store.record(_readable(page.revocations))
            for last in page.revocations[-1:]:
                await self._store.advance(last.position)


def _readable(listed: Iterable[issuing_pb2.Revoked]) -> list[SSHRevocation]:
    found: list[SSHRevocation] = []
    for each in listed:
        if not each.active:
            continue
        try:
            found.append(read_revocation(each))
        except ValueError as error:
            _log.warning("a revocation is not in the KRL: %s", error)
    return found
