"""One process's connection to NATS, opened when first needed and reopened without end."""

import asyncio
import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newel.runtime.tls.client import trust_file
from newel.runtime.tls.mutual import TLSFiles

_log = logging.getLogger("newel.runtime.events.nats")

STREAM = "NEWEL"
SUBJECTS = "newel.>"

_KEPT = 7 * 24 * 3600.0
_DUPLICATES_DROPPED_FOR = 120.0


@dataclass(frozen=True, slots=True)
class NATSOptions:
    """Where NATS is and who we are to it: a certificate, a credentials file, or both."""

    servers: tuple[str, ...]
    name: str
    tls: TLSFiles | None = None
    credentials: Path | None = None
    replicas: int = 1  # of the stream; 3 on a cluster


class NATSConnection:
    """Shared by everything in a process that publishes or consumes."""

    def __init__(self, options: NATSOptions) -> None:
        self._options = options
        self._client: Any = None
        self._lock = asyncio.Lock()

    @property
    def client(self) -> Any:
        """The connection, once ``jetstream`` has made it."""
        return self._client

    async def jetstream(self) -> Any:
        """Return the JetStream context once the stream exists; wait for the server as long as it takes.

        Raises ConnectionError while a connection once made is lost.
        """
        async with self._lock:
            if self._client is None:
                client = await self._connect()
                try:
                    await self._ensure_stream(client.jetstream())
                except BaseException:
                    await client.close()
                    raise
                self._client = client
        if not self._client.is_connected:
            raise ConnectionError("NATS is not connected")
        return self._client.jetstream(timeout=5)

    async def open(self) -> None:
        """Connect, however long it takes, even with nothing to publish yet."""
        await self.jetstream()

    async def check(self) -> None:
        """Raise ConnectionError unless the connection is up."""
        if self._client is None or not self._client.is_connected:
            raise ConnectionError("NATS is not connected")

    async def restore_stream(self) -> None:
        """Create the stream again on a server that has lost it."""
        await self._ensure_stream(self._client.jetstream())

    async def close(self) -> None:
        """Send what is buffered and close the connection."""
        client, self._client = self._client, None
        if client is not None and not client.is_closed:
            await client.close()

    async def _connect(self) -> Any:
        import nats

        options = self._options

        async def report(error: Exception) -> None:
            _log.warning("NATS: %s", error or type(error).__name__)

        settings: dict[str, Any] = {}
        if options.tls is not None:
            settings["tls"] = _tls_context(options.tls)
        if options.credentials is not None:
            settings["user_credentials"] = str(options.credentials)
        return await nats.connect(
            list(options.servers),
            name=options.name,
            inbox_prefix=f"_INBOX.{options.name}",  # what a server can keep to this service alone
            error_cb=report,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            ping_interval=20,
            pending_size=8 * 1024 * 1024,
            **settings,
        )

    async def _ensure_stream(self, jetstream: Any) -> None:
        """Create the stream if it is missing; an existing one keeps its operator's settings."""
        from nats.js.api import StreamConfig
        from nats.js.errors import NotFoundError

        try:
            await jetstream.stream_info(STREAM)
        except NotFoundError:
            await jetstream.add_stream(
                StreamConfig(
                    name=STREAM,
                    subjects=[SUBJECTS],
                    max_age=_KEPT,
                    duplicate_window=_DUPLICATES_DROPPED_FOR,
                    num_replicas=self._options.replicas,
                )
            )


def _tls_context(files: TLSFiles) -> ssl.SSLContext:
    context = trust_file(files.roots)
    context.load_cert_chain(files.certificate, files.key)
    return context
