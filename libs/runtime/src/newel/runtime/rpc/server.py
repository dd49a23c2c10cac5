"""gRPC between services: always mutual TLS, every service with the list of its callers."""

from collections.abc import Awaitable, Callable, Sequence

import grpc
import grpc.aio

from newel.runtime.rpc.channel import SIZES, TLSChannel
from newel.runtime.rpc.guard import abort_with, guard_handlers
from newel.runtime.rpc.local import LocalChannel, LocalServer
from newel.runtime.rpc.refused_peers import RefusedPeers
from newel.runtime.service import RPCService
from newel.runtime.tls.mutual import TLSFiles

__all__ = ["LOCAL", "RPCServer", "abort_with", "connect", "serve"]

LOCAL = "local:"


def connect(
    address: str,
    tls: TLSFiles | None = None,
    *,
    caller: str = "",
    local: LocalServer | None = None,
    server_name: str | None = None,
) -> grpc.aio.Channel:
    """Open the channel to a service, for its generated stub.

    ``local:`` leads to the servicers of this process (``local``, as ``caller``); any other address
    is a gRPC target such as ``dns:///issuing:9090`` and needs ``tls``. ``server_name`` is the name
    in the server's certificate where it is not the host of the address. Raises ValueError.
    """
    if address == LOCAL:
        if local is None or not caller:
            raise ValueError("local: needs the process's LocalServer and the caller's name")
        return LocalChannel(local, caller)
    if tls is None:
        raise ValueError(f"{address}: services are called over mutual TLS only")
    return TLSChannel(address, tls, server_name)


class RPCServer:
    """A listening gRPC server."""

    def __init__(self, server: grpc.aio.Server, port: int, drain: Callable[[], None]) -> None:
        self._server = server
        self._drain = drain
        self.port = port

    async def stop(self, grace: float = 10.0) -> None:
        """Take no new calls and give those under way ``grace`` seconds."""
        self._drain()
        await self._server.stop(grace)


async def serve(
    rpcs: Sequence[RPCService],
    address: str,
    tls: TLSFiles,
    ready: Callable[[], Awaitable[bool]] | None = None,
) -> RPCServer:
    """Serve gRPC services, and grpc.health.v1, at ``host:port`` (port 0: a free one).

    ``ready`` is the state that grpc.health.v1 reports. Several processes may share one address. Raises
    OSError when the address cannot be bound, ConfigError for a list of refused peers that cannot be read.
    """
    from newel.runtime.rpc.health import HealthServicer

    health = HealthServicer([rpc.name for rpc in rpcs], ready)
    refused = RefusedPeers(tls.refused) if tls.refused else None
    server = grpc.aio.server(options=(*SIZES, ("grpc.so_reuseport", 1)))
    for rpc in (*rpcs, health.registration()):
        handlers = guard_handlers(rpc, refused)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(rpc.name, handlers),))
    try:
        port = server.add_secure_port(address, tls.server_credentials())
    except RuntimeError as error:
        raise OSError(f"cannot listen at {address}: {error}") from error
    await server.start()
    return RPCServer(server, port, health.drain)
