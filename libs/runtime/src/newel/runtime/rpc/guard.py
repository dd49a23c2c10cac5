"""What stands before every servicer, local or remote: who calls, under which request id, and that
nothing but a typed refusal leaves.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NoReturn

import grpc
import grpc.aio

from newel.runtime.errors import NewelError
from newel.runtime.request_id import HEADER, enter_request
from newel.runtime.rpc.wire import internal_error, status_of, trailer_of
from newel.runtime.service import RPCService

_log = logging.getLogger("newel.runtime.rpc.server")

ANYONE: tuple[str, ...] = ()
"""Callers of a service that every authenticated peer may call."""


async def refusal(context: Any, error: NewelError) -> NoReturn:
    """Ends a call with a refusal; the servicer's way to refuse a whole batch."""
    await context.abort(status_of(error), error.detail, trailer_of(error))
    raise AssertionError("abort returned")


def guard_handlers(rpc: RPCService) -> dict[str, Any]:
    """The RPC method handlers of one gRPC service by method name, each behind the guard.

    Raises ValueError for client streams, which no contract of ours has.
    """
    collector = _Collector()
    rpc.add(rpc.servicer, collector)
    return {
        name: _guarded(handler, f"/{rpc.name}/{name}", rpc.callers)
        for name, handler in collector.handlers.items()
    }


class _Collector:
    """Stands where generated code expects a server and keeps what it is given."""

    def __init__(self) -> None:
        self.handlers: dict[str, Any] = {}

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """The registered handlers below say the same."""

    def add_registered_method_handlers(self, _service: str, handlers: Mapping[str, Any]) -> None:
        self.handlers.update(handlers)


def _guarded(handler: Any, method: str, callers: tuple[str, ...]) -> Any:
    if handler.request_streaming:
        raise ValueError(f"{method}: client streams are not served")
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(
            _guard_stream(handler.unary_stream, method, callers),
            handler.request_deserializer,
            handler.response_serializer,
        )
    return grpc.unary_unary_rpc_method_handler(
        _guard_unary(handler.unary_unary, method, callers),
        handler.request_deserializer,
        handler.response_serializer,
    )


def _guard_unary(
    behaviour: Callable[[Any, Any], Awaitable[Any]], method: str, callers: tuple[str, ...]
) -> Callable[[Any, Any], Awaitable[Any]]:
    async def unary(request: Any, context: Any) -> Any:
        await _admit(context, method, callers)
        try:
            return await behaviour(request, context)
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - the border: see _answer
            return await _answer(context, method, error)

    return unary


def _guard_stream(
    behaviour: Callable[[Any, Any], AsyncIterator[Any]], method: str, callers: tuple[str, ...]
) -> Callable[[Any, Any], AsyncIterator[Any]]:
    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        await _admit(context, method, callers)
        try:
            async for response in behaviour(request, context):
                yield response
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - the border: see _answer
            await _answer(context, method, error)

    return stream


async def _admit(context: Any, method: str, callers: tuple[str, ...]) -> None:
    for key, value in context.invocation_metadata() or ():
        if key == HEADER:
            enter_request(value)
            break
    if not callers:
        return
    # DNS names only: a URI or mail address that spells a service's name is not that service.
    names = context.auth_context().get("peer_dns", ())
    if not any(name.decode("latin-1") in callers for name in names):
        _log.warning("%s refused to the caller %r", method, [bytes(name) for name in names])
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "this caller may not call this")


async def _answer(context: Any, method: str, error: Exception) -> NoReturn:
    """A typed refusal travels as itself; anything else is logged here and says nothing."""
    if not isinstance(error, NewelError):
        _log.error("%s failed", method, exc_info=error)
        error = internal_error()
    await refusal(context, error)
