"""The parts that learn, publish and serve the key revocation list."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.database.contract import Database
from newel.validation.config import SSHConfig
from newel.validation.krl.learning import KRLProjection, KRLReconciler
from newel.validation.krl.publisher import KRLCache, KRLPublisher
from newel.validation.krl.storage import SSHRevocationStore

if TYPE_CHECKING:  # the generated stub has one type for both kinds of channel
    from newel.proto.issuing.v1.issuing_pb2_grpc import RepositoryAsyncStub


@dataclass(frozen=True, slots=True)
class KRLParts:
    """Everything about the list."""

    store: SSHRevocationStore
    projection: KRLProjection
    cache: KRLCache
    reconciler: KRLReconciler
    publisher: KRLPublisher


def assemble_krl(
    database: Database,
    repository: "RepositoryAsyncStub",
    clock: Clock,
    audit: Audit,
    sign: Callable[[bytes], Awaitable[bytes]] | None,
    config: SSHConfig,
) -> KRLParts:
    """Make the parts; without ``sign`` lists have no signature."""
    store = SSHRevocationStore(database)
    cache = KRLCache(store, clock, is_signed=sign is not None)
    return KRLParts(
        store,
        KRLProjection(store, audit),
        cache,
        KRLReconciler(repository, store, clock),
        KRLPublisher(store, cache, clock, audit, sign, config.revoked_key_ids),
    )
