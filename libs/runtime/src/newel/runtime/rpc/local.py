"""gRPC without a network: generated stubs and servicers run unchanged inside one process.

The same guard as on the wire is before the servicers, and messages are serialised as on the wire, so
that neither side ever shares an object with the other.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, NoReturn, Self

import grpc
import grpc.aio

from newel.runtime.rpc.guard import guard_handlers
from newel.runtime.service import RPCService

DEADLINE = 30.0
"""Seconds a call may take when the caller sets no timeout."""

STREAM_DEADLINE = 600.0
"""The same for a stream, which may hold a million rows."""


class LocalServer:
    """The servicers of one process, for any number of channels."""

    def __init__(self) -> None:
        self._handlers: dict[str, Any] = {}

    def add(self, rpc: RPCService) -> None:
        """Register one gRPC service and its callers."""
        for name, handler in guard_handlers(rpc).items():
            self._handlers[f"/{rpc.name}/{name}"] = handler

    def handler(self, method: str) -> Any:
        """Return the handler of ``/package.Service/Method``. Raises AioRpcError UNIMPLEMENTED without one."""
        found = self._handlers.get(method)
        if found is None:
            raise _rpc_error(grpc.StatusCode.UNIMPLEMENTED, f"no {method} in this process")
        return found


class LocalAbort(grpc.aio.AbortError):
    """The abort of a local call, which its channel turns into an AioRpcError."""

    def __init__(
        self, code: grpc.StatusCode, details: str, trailer: Sequence[tuple[str, Any]]
    ) -> None:
        super().__init__(details)
        self.error = _rpc_error(code, details, trailer)


class LocalContext:
    """The part of ``grpc.aio.ServicerContext`` that servicers use."""

    def __init__(self, caller: str, metadata: Sequence[tuple[str, Any]]) -> None:
        self._caller = caller
        self._metadata = metadata

    def auth_context(self) -> dict[str, list[bytes]]:
        """Return the caller's identity, named as the TLS transport names it."""
        return {"peer_dns": [self._caller.encode()]}

    def peer(self) -> str:
        """Return the caller, in the form of an address."""
        return f"local:{self._caller}"

    def invocation_metadata(self) -> Sequence[tuple[str, Any]]:
        """Return the metadata that the caller sent with its request."""
        return self._metadata

    async def abort(
        self,
        code: grpc.StatusCode,
        details: str = "",
        trailing_metadata: Sequence[tuple[str, Any]] = (),
    ) -> NoReturn:
        """End the call with an error."""
        raise LocalAbort(code, details, trailing_metadata)


class LocalChannel(grpc.aio.Channel):
    """The channel of one caller's stubs."""

    def __init__(self, server: LocalServer, caller: str) -> None:
        self._server = server
        self._caller = caller

    def unary_unary(self, method: Any, *codec: Any, **named: Any) -> Any:
        """Return the callable behind one unary method of a stub."""
        serialize, deserialize = _codec(codec, named)

        async def call(
            request: Any,
            *,
            timeout: float | None = None,  # noqa: ASYNC109 - gRPC's own signature
            metadata: Sequence[tuple[str, Any]] = (),
        ) -> Any:
            handler = self._server.handler(method)
            context = LocalContext(self._caller, metadata)
            received = handler.request_deserializer(serialize(request))
            del request  # it may be as long as a message can be, and is not needed twice
            try:
                async with asyncio.timeout(DEADLINE if timeout is None else timeout):
                    response = await handler.unary_unary(received, context)
            except LocalAbort as abort:
                raise abort.error from None
            except TimeoutError:
                raise _deadline_error() from None
            return deserialize(handler.response_serializer(response))

        return call

    def unary_stream(self, method: Any, *codec: Any, **named: Any) -> Any:
        """Return the callable behind one server-streaming method of a stub."""
        serialize, deserialize = _codec(codec, named)

        async def call(
            request: Any,
            *,
            timeout: float | None = None,  # noqa: ASYNC109 - gRPC's own signature
            metadata: Sequence[tuple[str, Any]] = (),
        ) -> AsyncIterator[Any]:
            handler = self._server.handler(method)
            context = LocalContext(self._caller, metadata)
            responses = handler.unary_stream(
                handler.request_deserializer(serialize(request)), context
            )
            loop = asyncio.get_running_loop()
            end = loop.time() + (STREAM_DEADLINE if timeout is None else timeout)
            try:
                while True:
                    async with asyncio.timeout_at(end):
                        response = await anext(responses)
                    yield deserialize(handler.response_serializer(response))
            except StopAsyncIteration:
                return
            except LocalAbort as abort:
                raise abort.error from None
            except TimeoutError:
                raise _deadline_error() from None
            finally:
                await responses.aclose()

        return call

    def stream_unary(self, method: Any, *_codec: Any, **_named: Any) -> Any:
        """Refuse client streams, which no contract has."""
        raise _rpc_error(grpc.StatusCode.UNIMPLEMENTED, f"{method}: client streams are not served")

    def stream_stream(self, method: Any, *_codec: Any, **_named: Any) -> Any:
        """Refuse client streams, which no contract has."""
        raise _rpc_error(grpc.StatusCode.UNIMPLEMENTED, f"{method}: client streams are not served")

    async def close(self, grace: float | None = None) -> None:
        """Do nothing: there is no connection."""

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: ARG002 - gRPC's own signature
        """Do nothing: the channel is always ready."""
        return grpc.ChannelConnectivity.READY

    async def wait_for_state_change(
        self,
        last_observed_state: grpc.ChannelConnectivity,  # noqa: ARG002 - gRPC's own signature
    ) -> None:
        """Wait without end: the state never changes."""
        await asyncio.Event().wait()

    async def channel_ready(self) -> None:
        """Do nothing: the channel is always ready."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()


def _codec(
    positional: Sequence[Any], named: Mapping[str, Any]
) -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
    serialize = positional[0] if positional else named["request_serializer"]
    deserialize = positional[1] if len(positional) > 1 else named["response_deserializer"]
    return serialize, deserialize


def _deadline_error() -> grpc.aio.AioRpcError:
    return _rpc_error(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")


def _rpc_error(
    code: grpc.StatusCode, details: str, trailer: Sequence[tuple[str, Any]] = ()
) -> grpc.aio.AioRpcError:
    metadata = grpc.aio.Metadata(*trailer)
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), metadata, details, details)
