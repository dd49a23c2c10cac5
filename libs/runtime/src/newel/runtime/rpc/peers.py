"""The reachability of the services that a service calls: checked periodically, exported, never decisive.

An unreachable peer fails the requests that need it, each with its own error. If the service were reported
as not ready, the requests that it can serve would fail as well.
"""

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import CollectorRegistry, Gauge

from newel.runtime.background import repeat_every
from newel.runtime.service import Task

CHECK_INTERVAL = 5.0
_ANSWER_SECONDS = 2.0

Check = Callable[[], Awaitable[None]]
"""A check of one peer: it returns when the peer is reachable and raises the reason otherwise."""


class Peers:
    """The peers of one process by name, and why some of them are unreachable."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauge = Gauge(
            "newel_peer_reachable",
            "Whether a peer this service calls answered when it was last asked",
            ("peer",),
            registry=registry,
        )
        self._checks: dict[str, Check] = {}
        self.unreachable: dict[str, str] = {}

    def add(self, name: str, check: Check) -> None:
        """Add a peer to be checked."""
        self._checks[name] = check

    async def check(self) -> None:
        """Check every peer once."""
        for name, check in self._checks.items():
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await check()
            except TimeoutError:
                self.unreachable[name] = f"no answer within {_ANSWER_SECONDS:.0f} s"
            except grpc.RpcError as error:
                details = error.details() if isinstance(error, grpc.aio.AioRpcError) else None
                self.unreachable[name] = details or "it cannot be reached"
            except Exception as error:  # noqa: BLE001 - whatever it is, the peer did not answer
                self.unreachable[name] = str(error) or type(error).__name__
            else:
                self.unreachable.pop(name, None)
            self._gauge.labels(name).set(name not in self.unreachable)

    def tasks(self) -> dict[str, Task]:
        """Return the task that checks periodically."""
        return {"peers": repeat_every(CHECK_INTERVAL, self.check)} if self._checks else {}


def make_serving_check(channel: grpc.aio.Channel) -> Check:
    """Return a check whether the service behind a channel serves (grpc.health.v1)."""
    stub = health_pb2_grpc.HealthStub(channel)  # pyright: ignore[reportArgumentType] - the stubs know synchronous channels only
    request = health_pb2.HealthCheckRequest()

    async def check() -> None:
        answer = await stub.Check(request, timeout=_ANSWER_SECONDS)
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise ConnectionError("it says that it is not ready")

    return check
