"""Whether those a service calls are there: looked at now and then, shown, and never decided by.

An absent peer takes a service's answers away one by one, each with its own refusal. Were the service
called not ready for it, the answers it can give would go as well.
"""

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import CollectorRegistry, Gauge

from newel.runtime.background import repeat_every
from newel.runtime.service import Task

LOOKS_EVERY = 5.0
_ANSWER_SECONDS = 2.0

Ask = Callable[[], Awaitable[None]]
"""Returns when the peer is there; raises whatever says why not."""


class Peers:
    """The peers of one process by name, and why those that are absent are so."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauge = Gauge(
            "newel_peer_reachable",
            "Whether a peer this service calls answered when it was last asked",
            ("peer",),
            registry=registry,
        )
        self._asks: dict[str, Ask] = {}
        self.absent: dict[str, str] = {}

    def add(self, name: str, ask: Ask) -> None:
        """A peer to be asked."""
        self._asks[name] = ask

    async def look(self) -> None:
        """Asks every peer once."""
        for name, ask in self._asks.items():
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await ask()
            except TimeoutError:
                self.absent[name] = f"no answer within {_ANSWER_SECONDS:.0f} s"
            except grpc.RpcError as error:
                details = error.details() if isinstance(error, grpc.aio.AioRpcError) else None
                self.absent[name] = details or "it cannot be reached"
            except Exception as error:  # noqa: BLE001 - whatever it is, the peer did not answer
                self.absent[name] = str(error) or type(error).__name__
            else:
                self.absent.pop(name, None)
            self._gauge.labels(name).set(name not in self.absent)

    def tasks(self) -> dict[str, Task]:
        """What keeps looking."""
        return {"peers": repeat_every(LOOKS_EVERY, self.look)} if self._asks else {}


def make_serving_check(channel: grpc.aio.Channel) -> Ask:
    """Asks whether the service behind a channel serves (grpc.health.v1)."""
    stub = health_pb2_grpc.HealthStub(channel)  # pyright: ignore[reportArgumentType] - the stubs know synchronous channels only
    request = health_pb2.HealthCheckRequest()

    async def ask() -> None:
        answer = await stub.Check(request, timeout=_ANSWER_SECONDS)
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise ConnectionError("it says that it is not ready")

    return ask
