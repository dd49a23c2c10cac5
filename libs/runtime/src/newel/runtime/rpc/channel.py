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

_FILES_LOOKED_AT_EVERY = 5.0
_LAST_CALLS = 60.0


class TLSChannel(grpc.aio.Channel):
    """One address behind mutual TLS. Unavailable peers are tried again for ever, with back-off."""

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
        self._look_again = 0.0
        self._closing: set[asyncio.Future[None]] = set()

    def _open(self) -> grpc.aio.Channel:
        credentials = self._tls.channel_credentials()
        return grpc.aio.secure_channel(self._target, credentials, options=self._options)

    def _current(self) -> grpc.aio.Channel:
        """The channel to call on: a new one when the certificate files have changed."""
        now = asyncio.get_running_loop().time()
        if now >= self._look_again:
            self._look_again = now + _FILES_LOOKED_AT_EVERY
            with contextlib.suppress(OSError):  # files being replaced: the next look sees them
                stamp = self._tls.stamp()
                if stamp != self._stamp:
                    old, self._channel, self._stamp = self._channel, self._open(), stamp
                    closing = asyncio.get_running_loop().create_task(old.close(_LAST_CALLS))
                    self._closing.add(closing)
                    closing.add_done_callback(self._closing.discard)
        return self._channel

    def unary_unary(self, method: Any, *codec: Any, **named: Any) -> Any:
        """The callable behind one unary method of a stub."""

        def make(channel: Any) -> Any:
            return channel.unary_unary(method, *codec, **named)

        return self._callable(make, DEADLINE)

    def unary_stream(self, method: Any, *codec: Any, **named: Any) -> Any:
        """The callable behind one server-streaming method of a stub."""

        def make(channel: Any) -> Any:
            return channel.unary_stream(method, *codec, **named)

        return self._callable(make, STREAM_DEADLINE)

    def stream_unary(self, method: Any, *_codec: Any, **_named: Any) -> Any:
        """Not called: no contract of ours has client streams."""
        raise NotImplementedError(f"{method}: client streams are not called")

    def stream_stream(self, method: Any, *_codec: Any, **_named: Any) -> Any:
        """Not called: no contract of ours has client streams."""
        raise NotImplementedError(f"{method}: client streams are not called")

    def _callable(self, make: Callable[[Any], Any], deadline: float) -> Any:
        made_on = self._channel
        made = make(made_on)

        def call(
            request: Any,
            *,
            timeout: float | None = None,
            metadata: Sequence[tuple[str, Any]] = (),
        ) -> Any:
            nonlocal made, made_on
            channel = self._current()
            if channel is not made_on:
                made, made_on = make(channel), channel
            carried = request_id()
            if carried:
                metadata = (*metadata, (HEADER, carried))
            limit = deadline if timeout is None else timeout
            return made(request, timeout=limit, metadata=metadata)

        return call

    async def close(self, grace: float | None = None) -> None:
        """Ends the connection, with ``grace`` seconds for the calls under way."""
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """The state of the connection."""
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Waits until the state is another one."""
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Waits until the connection is there."""
        await self._channel.channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()
