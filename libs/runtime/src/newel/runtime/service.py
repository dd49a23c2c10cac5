"""A service as a plain record: what ``app.build`` returns and what a process runs."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from newel.runtime.asgi import ASGIApp

Task = Callable[[], Awaitable[None]]
"""Runs until cancelled. It is started, watched and restarted with back-off by the runner."""

Hook = Callable[[], Awaitable[None]]

Report = Callable[[], Mapping[str, str]]
"""Returns what is not as it should be and why, by name; empty when all is well."""


@dataclass(frozen=True, slots=True)
class RPCService:
    """One gRPC service: the generated adder, our servicer, and who may call it."""

    name: str  # "newel.signer.v1.CertificateSigner"
    add: Callable[[Any, Any], None]  # add_CertificateSignerServicer_to_server
    servicer: Any
    callers: tuple[str, ...]  # names in client certificates (DNS SAN)


@dataclass(frozen=True, slots=True)
class Service:
    """What a service brings to the process that runs it."""

    name: str
    rpcs: Sequence[RPCService] = ()
    web: Mapping[str, ASGIApp] = field(default_factory=dict[str, ASGIApp])
    """Listener name ("https", "http", "admin") → ASGI app; the runner knows addresses and TLS."""
    optional_web: tuple[str, ...] = ()
    """Those of its listeners that a configuration may leave out."""
    uncounted: tuple[str, ...] = ()
    """Path prefixes whose requests get no id, no count and no line in the access log: the app has its own."""
    tasks: Mapping[str, Task] = field(default_factory=dict[str, Task])
    start: Sequence[Hook] = ()  # before listening: migrations, caches, the first certificate
    stop: Sequence[Hook] = ()  # after draining, in reverse order
    reports: Mapping[str, Report] = field(default_factory=dict[str, Report])
    """What readiness says in addition, by its name in the body; it keeps nothing from being ready."""
    ready: Hook | None = None  # raises with what is missing; None: ready once started
