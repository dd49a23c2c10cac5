"""Which connections a listener lets in."""

import logging
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge

from newel.runtime.http.client_addresses import LOOPBACK, ClientAddresses
from newel.runtime.http.connection_limits import ConnectionLimits

_log = logging.getLogger(__name__)

_FOR_OPERATORS = 16
_SAID_EVERY = 10.0  # seconds between lines of the log


class ConnectionMetrics:
    """Connections of each listener, those that were let in and those that were not."""

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
    """Who counts it; None for a trusted address."""
    left: bool = False


class Admission:
    """Counts the connections of one listener, all together and by client address.

    When the listener is full, a connection that waits for its next request makes room for the new one. The
    last few places are for clients on this machine: operators reach a listener that others have filled.
    """

    def __init__(
        self,
        name: str,
        limits: ConnectionLimits,
        most: int,
        close_idle: Callable[[], bool],
        metrics: ConnectionMetrics,
    ) -> None:
        """``close_idle`` ends one idle connection and says whether there was one."""
        self._name = name
        self._most = most
        self._for_others = most - min(_FOR_OPERATORS, most // 8)
        given = "per_address" in limits.model_fields_set
        # unless somebody decided so, one client never takes all of a listener
        self._per_address = min(limits.per_address, most if given else most * 3 // 4)
        self._close_idle = close_idle
        self._trusted = ClientAddresses(limits.trusted)
        self._local = ClientAddresses(LOOPBACK)
        self._by_key: dict[Hashable, int] = {}
        self._count = 0
        self._refused = metrics.refused
        self._unsaid = 0
        self._said = 0.0
        metrics.open.labels(name).set_function(lambda: self._count)

    def enter(self, address: str) -> Ticket | None:
        """Let a connection in, or say None."""
        key = self._trusted.key(address)
        if key is not None and self._by_key.get(key, 0) >= self._per_address:
            self.refuse("address", address)
            return None
        if self._count >= self._for_others and self._is_full(address) and not self._close_idle():
            self.refuse("listener", address)
            return None
        self._count += 1
        if key is not None:
            self._by_key[key] = self._by_key.get(key, 0) + 1
        return Ticket(key)

    def _is_full(self, address: str) -> bool:
        return self._count >= self._most or self._local.key(address) is not None

    def leave(self, ticket: Ticket) -> None:
        """Give a place back; a second time changes nothing."""
        if ticket.left:
            return
        ticket.left = True
        self._count -= 1
        if ticket.key is not None:
            remaining = self._by_key[ticket.key] - 1
            if remaining:
                self._by_key[ticket.key] = remaining
            else:
                del self._by_key[ticket.key]

    def refuse(self, reason: str, address: str) -> None:
        """Count a refusal, and log one now and then."""
        self._refused.labels(self._name, reason).inc()
        self._unsaid += 1
        now = time.monotonic()
        if self._said and now - self._said < _SAID_EVERY:
            return
        _log.warning(
            "connections were refused",
            extra={
                "listener": self._name,
                "reason": reason,
                "remote_address": address,
                "connections": self._unsaid,
            },
        )
        self._said, self._unsaid = now, 0
