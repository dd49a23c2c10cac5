"""A gRPC channel that carries the request id, gives every call a deadline and follows its TLS files."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Self

import grpc
import grpc.aio

from newel.runtime.request_id import HEADER, request_id
from newel.runtime.rpc.local import DEADLINE, STREAM_DEADLINE
from newel.runtime.tls.mutual import TLSFiles

LARGEST_MESSAGE = 64 * 1024 * 1024
LARGEST_METADATA = 64 * 1024

SIZES: tuple[tuple[str, Any], ...] = (
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
    ("grpc.max_metadata_size", LARGEST_METADATA),
    ("grpc.absolute_max_metadata_size", LARGEST_METADATA),
)

_FILE_CHECK_INTERVAL = 5.0
_LAST_CALLS = 60.0


class TLSChannel(grpc.aio.Channel):
    """One address behind mutual TLS. Unreachable peers are retried without end, with back-off."""

    def __init__(self, target: str, tls: TLSFiles, server_name: str | None = None) -> None:
        self._target = target
        self._tls = tls
        self._options: tuple[tuple[str, Any], ...] = (
            *SIZES,
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.max_reconnect_backoff_ms", 2_000),
            ("grpc.use_local_subchannel_pool", 1),  # a new certificate means a new connection
        )
        if server_name is not None:
            self._options += (("grpc.ssl_target_name_override", server_name),)
        self._stamp = tls.stamp()
        self._channel = self._open()
        self._next_check = 0.0
        self._closing: set[asyncio.Future[None]] = set()

    def _open(self) -> grpc.aio.Channel:
        credentials = self._tls.channel_credentials()
        return grpc.aio.secure_channel(self._target, credentials, options=self._options)

    def _current(self) -> grpc.aio.Channel:
        """Return the channel to call on: a new one when the certificate files have changed."""
        now = asyncio.get_running_loop().time()
        if now >= self._next_check:
            self._next_check = now + _FILE_CHECK_INTERVAL
            with contextlib.suppress(OSError):  # files being replaced: the next check sees them
                stamp = self._tls.stamp()
                if stamp != self._stamp:
                    old, self._channel, self._stamp = self._channel, self._open(), stamp
                    closing = asyncio.get_running_loop().create_task(old.close(_LAST_CALLS))
                    self._closing.add(closing)
                    closing.add_done_callback(self._closing.discard)
        return self._channel

    def unary_unary(self, method: Any, *codec: Any, **named: Any) -> Any:
        """Return the callable behind one unary method of a stub."""

        def make(channel: Any) -> Any:
            return channel.unary_unary(method, *codec, **named)

        return self._callable(make, DEADLINE)

    def unary_stream(self, method: Any, *codec: Any, **named: Any) -> Any:
        """Return the callable behind one server-streaming method of a stub."""

        def make(channel: Any) -> Any:
            return channel.unary_stream(method, *codec, **named)

        return self._callable(make, STREAM_DEADLINE)

    def stream_unary(self, method: Any, *_codec: Any, **_named: Any) -> Any:
        """Refuse client streams, which no contract has."""
        raise NotImplementedError(f"{method}: client streams are not called")

    def stream_stream(self, method: Any, *_codec: Any, **_named: Any) -> Any:
        """Refuse client streams, which no contract has."""
        raise NotImplementedError(f"{method}: client streams are not called")

    def _callable(self, make: Callable[[Any], Any], deadline: float) -> Any:
        its_channel = self._channel
        method_on_channel = make(its_channel)

        def call(
            request: Any,
            *,
            timeout: float | None = None,
            metadata: Sequence[tuple[str, Any]] = (),
        ) -> Any:
            nonlocal method_on_channel, its_channel
            channel = self._current()
            if channel is not its_channel:
                method_on_channel, its_channel = make(channel), channel
            carried = request_id()
            if carried:
                metadata = (*metadata, (HEADER, carried))
            limit = deadline if timeout is None else timeout
            return method_on_channel(request, timeout=limit, metadata=metadata)

        return call

    async def close(self, grace: float | None = None) -> None:
        """Close the connection, with ``grace`` seconds for the calls under way."""
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Return the state of the connection."""
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Wait until the state changes."""
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Wait until the connection is up."""
        await self._channel.channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()
