"""grpc.health.v1 of a service: SERVING while the process is ready, until it drains."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any

from grpc_health.v1 import health_pb2, health_pb2_grpc

from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.service import RPCService

NAME = "grpc.health.v1.Health"

_Status = health_pb2.HealthCheckResponse


class HealthServicer(health_pb2_grpc.HealthServicer):
    """The state of one server and of the gRPC services on it. ``ready`` tells whether it is ready."""

    def __init__(
        self, services: Collection[str], ready: Callable[[], Awaitable[bool]] | None = None
    ) -> None:
        self._services = {"", *services}
        self._ready = ready
        self._serving = True
        self._changed = asyncio.Event()

    def drain(self) -> None:
        """Report NOT_SERVING from now on."""
        self._serving = False
        self._changed.set()

    def registration(self) -> RPCService:
        """Return its registration; every authenticated peer may call it."""
        return RPCService(NAME, health_pb2_grpc.add_HealthServicer_to_server, self, ())

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: ARG002 - the contract
        """Return the state; ``notFound`` for a service this server does not have."""
        if request.service not in self._services:
            raise NewelError(ErrorType.NOT_FOUND, f"no service {request.service!r} here")
        if self._serving and self._ready is not None and not await self._ready():
            return _Status(status=_Status.NOT_SERVING)
        return self._state(request.service)

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: ARG002 - the contract
        """Yield the state now and when it changes."""
        yield self._state(request.service)
        if self._serving:
            await self._changed.wait()
            yield self._state(request.service)

    def _state(self, service: str) -> Any:
        if service not in self._services:
            return _Status(status=_Status.SERVICE_UNKNOWN)
        return _Status(status=_Status.SERVING if self._serving else _Status.NOT_SERVING)
