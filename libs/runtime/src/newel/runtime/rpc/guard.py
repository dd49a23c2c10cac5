"""The guard before every servicer, local or remote.

It checks the caller, enters the request id, and lets no error but a typed one leave.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NoReturn

import grpc
import grpc.aio

from newel.runtime.errors import NewelError
from newel.runtime.request_id import HEADER, enter_request
from newel.runtime.rpc.refused_peers import RefusedPeers
from newel.runtime.rpc.wire import build_trailer, find_status, internal_error
from newel.runtime.service import RPCService

_log = logging.getLogger("newel.runtime.rpc.server")


async def abort_with(context: Any, error: NewelError) -> NoReturn:
    """End a call with an error: for a servicer that refuses a whole batch."""
    await context.abort(find_status(error), error.detail, build_trailer(error))
    raise AssertionError("abort returned")


def guard_handlers(rpc: RPCService, refused: RefusedPeers | None = None) -> dict[str, Any]:
    """Return the RPC method handlers of one gRPC service by method name, each behind the guard.

    ``refused``: certificates whose holders get no answer, whatever their names. Raises ValueError for client
    streams, which no contract has.
    """
    collector = _Collector()
    rpc.add(rpc.servicer, collector)
    return {
        name: _guard(handler, f"/{rpc.name}/{name}", rpc.callers, refused)
        for name, handler in collector.handlers.items()
    }


class _Collector:
    """A stand-in for the server that generated code registers handlers with."""

    def __init__(self) -> None:
        self.handlers: dict[str, Any] = {}

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """Ignore them: the registered handlers below are the same."""

    def add_registered_method_handlers(self, _service: str, handlers: Mapping[str, Any]) -> None:
        self.handlers.update(handlers)


def _guard(
    handler: Any, method: str, callers: tuple[str, ...], refused: RefusedPeers | None
) -> Any:
    if handler.request_streaming:
        raise ValueError(f"{method}: client streams are not served")
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(
            _guard_stream(handler.unary_stream, method, callers, refused),
            handler.request_deserializer,
            handler.response_serializer,
        )
    return grpc.unary_unary_rpc_method_handler(
        _guard_unary(handler.unary_unary, method, callers, refused),
        handler.request_deserializer,
        handler.response_serializer,
    )


def _guard_unary(
    behaviour: Callable[[Any, Any], Awaitable[Any]],
    method: str,
    callers: tuple[str, ...],
    refused: RefusedPeers | None,
) -> Callable[[Any, Any], Awaitable[Any]]:
    async def unary(request: Any, context: Any) -> Any:
        await _admit(context, method, callers, refused)
        try:
            return await behaviour(request, context)
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary: see _abort
            return await _abort(context, method, error)

    return unary


def _guard_stream(
    behaviour: Callable[[Any, Any], AsyncIterator[Any]],
    method: str,
    callers: tuple[str, ...],
    refused: RefusedPeers | None,
) -> Callable[[Any, Any], AsyncIterator[Any]]:
    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        await _admit(context, method, callers, refused)
        try:
            async for response in behaviour(request, context):
                yield response
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary: see _abort
            await _abort(context, method, error)

    return stream


async def _admit(
    context: Any, method: str, callers: tuple[str, ...], refused: RefusedPeers | None
) -> None:
    for key, value in context.invocation_metadata() or ():
        if key == HEADER:
            enter_request(value)
            break
    if refused is None and not callers:
        return
    peer = context.auth_context()
    if refused is not None and any(map(refused.includes, peer.get("x509_pem_cert", ()))):
        _log.warning("%s refused to a certificate that is refused", method)
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "this certificate is refused")
    if not callers:
        return
    # DNS names only: a URI or mail address with a service's name is not that service.
    names = peer.get("peer_dns", ())
    if not any(name.decode("latin-1") in callers for name in names):
        _log.warning("%s refused to the caller %r", method, [bytes(name) for name in names])
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "this caller may not call this")


async def _abort(context: Any, method: str, error: Exception) -> NoReturn:
    """Send a typed error as it is; log any other one and send nothing of it."""
    if not isinstance(error, NewelError):
        _log.error("%s failed", method, exc_info=error)
        error = internal_error()
    await abort_with(context, error)
