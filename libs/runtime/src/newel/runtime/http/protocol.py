"""Uvicorn's protocol with bounds on the header, the body, idle time and clients that do not read."""

import asyncio
from collections.abc import Iterable, Iterator
from email.utils import formatdate
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from newel.runtime.clock import SystemClock
from newel.runtime.http.admission import Admission, Ticket
from newel.runtime.http.client_addresses import plain_address
from newel.runtime.http.connection_limits import ConnectionLimits

MAX_HEAD = 64 * 1024
"""Octets of request line and header fields."""
MAX_MESSAGE = 8 * 1024 * 1024
"""Octets of a body with its chunk framing; what an app accepts is less."""
_LINGER_SECONDS = 10.0
_unix = SystemClock().unix

_HEAD_TOO_LARGE = b"431 Request Header Fields Too Large"
_BODY_TOO_LARGE = b"413 Content Too Large"
_BODY_TOO_SLOW = b"408 Request Timeout"

Header = tuple[bytes, bytes]


class DatedHeaders(list[Header]):
    """The headers every answer begins with; ``Date`` is that of the second in which it is sent.

    uvicorn puts its list before an answer's own headers, and would renew the date when a second is over:
    up to two seconds late, which clients subtract from ``Retry-After``.
    """

    def __init__(self) -> None:
        super().__init__()
        self._second = -1
        self._date: Header = (b"date", b"")

    def __iter__(self) -> Iterator[Header]:
        yield self.date()

    def __add__(self, others: Iterable[Header]) -> list[Header]:  # type: ignore[override]
        second = int(_unix())
        return [self._date if second == self._second else self.date(), *others]

    def date(self) -> Header:
        """Return the header of this second."""
        second = int(_unix())
        if second != self._second:
            self._second = second
            self._date = (b"date", formatdate(second, usegmt=True).encode())
        return self._date


class GatheringTransport:
    """A transport that writes once what one turn of the loop produced.

    An answer's header and body are two writes of the ASGI protocol; together they are one TLS record
    and one system call.
    """

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Queue what is to be written in this turn."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Write what is queued, then close; a client that does not read it in time loses it."""
        self._flush()
        if self._transport.is_closing():  # a TLS transport does not take being closed twice
            return
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._loop.call_later(_LINGER_SECONDS, self._transport.abort)

    def _flush(self) -> None:
        if self._parts:
            self._transport.write(b"".join(self._parts))
            self._parts = []


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A request that is too long or too slow ends it, whatever the app does."""

    _extensions: dict[str, Any] | None = None
    _head_deadline: asyncio.TimerHandle | None = None
    _body_deadline: asyncio.TimerHandle | None = None
    _answer_deadline: asyncio.TimerHandle | None = None
    _head = 0
    _seen = b""
    _body = 0
    _in_body = False
    _is_ended = False

    def __init__(
        self,
        config: uvicorn.Config,
        state: ServerState,
        limits: ConnectionLimits,
        admission: Admission,
        ticket: Ticket | None = None,
    ) -> None:
        """Without a ticket the connection is admitted, or refused, when it is made."""
        super().__init__(config, state, {})
        self._limits = limits
        self._admission = admission
        self._ticket = ticket

    def connection_made(self, transport: Any) -> None:
        """Note the peer's address and certificate, which the app parses where it needs it."""
        if self._ticket is None:
            address = transport.get_extra_info("peername") or ("",)
            self._ticket = self._admission.enter(plain_address(str(address[0])))
            if self._ticket is None:
                self._is_ended = True
                transport.abort()
                return
        super().connection_made(cast("Any", GatheringTransport(transport, self.loop)))
        if self.client is not None:
            self.client = (plain_address(self.client[0]), self.client[1])
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            der = tls.getpeercert(binary_form=True)
            self._extensions = {
                "tls": {"client_cert_chain_der": [der] if der else [], "tls_version": tls.version()}
            }
        self._start_head_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back and cancel the deadlines."""
        if self._ticket is None:
            return
        self._admission.leave(self._ticket)
        self._end_head_deadline()
        self._end_body_deadline()
        super().connection_lost(exc)  # ends what waits to write
        self._end_answer_deadline()

    def data_received(self, data: bytes) -> None:
        """Count what arrives and keep a deadline set."""
        if self._is_ended:
            return
        before = self.cycle
        if self._head_deadline is not None:
            # a body may follow in the same octets, or the header's end be split between two reads
            end = (self._seen + data).find(b"\r\n\r\n")
            self._head += len(data) if end < 0 else end
            self._seen = data[-3:]
            if self._head > MAX_HEAD:
                self._end(_HEAD_TOO_LARGE)
                return
        super().data_received(data)
        if self._in_body:
            self._body += len(data)
            if self._body > MAX_MESSAGE:
                self._end(_BODY_TOO_LARGE)
            elif self._body_deadline is None:
                seconds = self._limits.body_seconds
                self._body_deadline = self.loop.call_later(seconds, self._end, _BODY_TOO_SLOW)
        elif self.cycle is before and self._has_no_deadline:
            self._start_head_deadline()  # white space between two requests is no request

    def on_message_begin(self) -> None:
        """Start the deadline of a header."""
        super().on_message_begin()
        if self._extensions is not None:
            self.scope["extensions"] = self._extensions
        if self._head_deadline is None:
            self._start_head_deadline()

    def on_headers_complete(self) -> None:
        """End the deadline of the header; a body has its time from now on."""
        self._end_head_deadline()
        self._in_body = True
        self._body = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End the deadline of the body."""
        self._in_body = False
        self._end_body_deadline()
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Start the deadline of a client that does not read."""
        super().pause_writing()
        if self._answer_deadline is None:
            seconds = self._limits.answer_seconds
            self._answer_deadline = self.loop.call_later(seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """End the deadline of a client that reads again."""
        self._end_answer_deadline()
        super().resume_writing()

    @property
    def is_idle(self) -> bool:
        """Whether the connection waits for a further request."""
        return self.timeout_keep_alive_task is not None and not self.transport.is_closing()

    @property
    def _has_no_deadline(self) -> bool:
        """Whether nothing would ever end this connection."""
        timers = (self._head_deadline, self._body_deadline, self.timeout_keep_alive_task)
        return timers == (None, None, None) and self._is_resting

    @property
    def _is_resting(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or (cycle.response_complete and not self.pipeline)

    def _end(self, status: bytes) -> None:
        """Respond, unless the response has begun, and close."""
        self._is_ended = True
        if self._is_resting if not self._in_body else not self.cycle.response_started:
            _, date = next(iter(self.server_state.default_headers))
            lines = (
                b"HTTP/1.1 " + status,
                b"date: " + date,
                b"connection: close",
                b"content-length: 0",
            )
            self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n")
        if not self._is_resting:
            self.cycle.disconnected = (
                True  # the app learns of it, and what it still sends is dropped
            )
            self.cycle.message_event.set()
        self.transport.close()

    def _start_head_deadline(self) -> None:
        self._head = 0
        self._seen = b""
        self._head_deadline = self.loop.call_later(self._limits.head_seconds, self.transport.close)

    def _end_head_deadline(self) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def _end_body_deadline(self) -> None:
        if self._body_deadline is not None:
            self._body_deadline.cancel()
            self._body_deadline = None

    def _end_answer_deadline(self) -> None:
        if self._answer_deadline is not None:
            self._answer_deadline.cancel()
            self._answer_deadline = None
