"""Decides which connections a listener accepts."""

import logging
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge

from newel.runtime.http.client_addresses import LOOPBACK, ClientAddresses
from newel.runtime.http.connection_limits import ConnectionLimits
from newel.runtime.http.worker_counts import WorkerCounts

_log = logging.getLogger(__name__)

_RESERVED = 16
_LOG_INTERVAL = 10.0  # seconds


class ConnectionMetrics:
    """Connections of each listener, accepted and refused."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.open = Gauge(
            "newel_connections", "Connections that are open", ("listener",), registry=registry
        )
        self.refused = Counter(
            "newel_connections_refused_total",
            "Connections that were closed at once",
            ("listener", "reason"),
            registry=registry,
        )


@dataclass(slots=True)
class Ticket:
    """One connection that was let in."""

    key: Hashable | None
    """The client it counts for; None for a trusted address."""
    has_left: bool = False


class Admission:
    """Counts the connections of one listener, all together and by client address.

    The workers of one program count together. When the listener is full, an idle connection of this worker
    makes room for the new one. The last few places are for clients on this machine: operators reach a
    listener that others have filled.
    """

    def __init__(
        self,
        name: str,
        limits: ConnectionLimits,
        most: int,
        close_idle: Callable[[], bool],
        metrics: ConnectionMetrics,
        workers: WorkerCounts | None = None,
    ) -> None:
        """``most`` is what this process may hold; ``close_idle`` ends one idle connection, if there is one."""
        self._name = name
        self._most = most
        self._most_of_all = limits.listener
        self._reserved = min(_RESERVED, most // 8)
        is_set = "per_address" in limits.model_fields_set
        # unless the operator says so, one client never takes all of a listener
        self._per_address = min(limits.per_address, most if is_set else most * 3 // 4)
        self._close_idle = close_idle
        self._trusted = ClientAddresses(limits.trusted)
        self._local = ClientAddresses(LOOPBACK)
        self._by_key: dict[Hashable, int] = {}
        self._count = 0
        self._workers = workers
        self._refused = metrics.refused
        self._unlogged = 0
        self._logged_at = 0.0
        metrics.open.labels(name).set_function(lambda: self._count)

    def enter(self, address: str) -> Ticket | None:
        """Let a connection in, or return None."""
        key = self._trusted.key(address)
        if key is not None and self._by_key.get(key, 0) + self._others(key) >= self._per_address:
            self.refuse("address", address)
            return None
        if self._is_full(address) and not self._close_idle():
            self.refuse("listener", address)
            return None
        self._add(key, 1)
        return Ticket(key)

    def leave(self, ticket: Ticket) -> None:
        """Give a place back; a second time changes nothing."""
        if not ticket.has_left:
            ticket.has_left = True
            self._add(ticket.key, -1)

    def _is_full(self, address: str) -> bool:
        places = min(self._most, self._most_of_all - self._others(None)) - self._count
        if places > self._reserved:
            return False
        return places <= 0 or self._local.key(address) is not None

    def _others(self, key: Hashable | None) -> int:
        return self._workers.of_others((self._name, key)) if self._workers else 0

    def _add(self, key: Hashable | None, change: int) -> None:
        """Count a connection of a client, and of all: under the key None."""
        self._count += change
        if key is not None:
            number = self._by_key.get(key, 0) + change
            if number:
                self._by_key[key] = number
            else:
                del self._by_key[key]
            self._publish(key, number)
        self._publish(None, self._count)

    def _publish(self, key: Hashable | None, number: int) -> None:
        if self._workers is not None:
            self._workers.publish((self._name, key), number)

    def refuse(self, reason: str, address: str) -> None:
        """Count a refused connection; log the first, then one line every ten seconds."""
        self._refused.labels(self._name, reason).inc()
        self._unlogged += 1
        now = time.monotonic()
        if self._logged_at and now - self._logged_at < _LOG_INTERVAL:
            return
        _log.warning(
            "connections were refused",
            extra={
                "listener": self._name,
                "reason": reason,
                "remote_address": address,
                "connections": self._unlogged,
            },
        )
        self._logged_at, self._unlogged = now, 0
