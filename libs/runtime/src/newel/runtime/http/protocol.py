"""uvicorn's protocol with bounds: of the header, the body, idle time and clients that do not read."""

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

LARGEST_HEAD = 64 * 1024
"""Octets of request line and header fields."""
LARGEST_MESSAGE = 8 * 1024 * 1024
"""Octets of a body with all that stands around its chunks; what an app takes is less."""
_LINGER_SECONDS = 10.0
_unix = SystemClock().unix

_HEAD_TOO_LARGE = b"431 Request Header Fields Too Large"
_BODY_TOO_LARGE = b"413 Content Too Large"
_BODY_TOO_SLOW = b"408 Request Timeout"

Header = tuple[bytes, bytes]


class DatedHeaders(list[Header]):
    """The headers every answer begins with; ``Date`` is that of the second in which it is sent.

    uvicorn puts its list before an answer's own headers, and would renew the date when a second is over:
    up to two seconds late, which clients take off what ``Retry-After`` says.
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
        """The header of this second."""
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
        """Takes what is to be written in this turn."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Writes what is waiting, then closes; who does not read it in time loses it."""
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
    """One connection. What is too long or too slow ends it, whatever the app does."""

    _extensions: dict[str, Any] | None = None
    _head_deadline: asyncio.TimerHandle | None = None
    _body_deadline: asyncio.TimerHandle | None = None
    _answer_deadline: asyncio.TimerHandle | None = None
    _head = 0
    _seen = b""
    _body = 0
    _in_body = False
    _deaf = False

    def __init__(
        self,
        config: uvicorn.Config,
        state: ServerState,
        limits: ConnectionLimits,
        admission: Admission,
        ticket: Ticket | None = None,
    ) -> None:
        """Without a ticket the connection is let in, or not, when it is made."""
        super().__init__(config, state, {})
        self._limits = limits
        self._admission = admission
        self._ticket = ticket

    def connection_made(self, transport: Any) -> None:
        """Notes who the peer is; the certificate is parsed by whoever needs it."""
        if self._ticket is None:
            address = transport.get_extra_info("peername") or ("",)
            self._ticket = self._admission.enter(plain_address(str(address[0])))
            if self._ticket is None:
                self._deaf = True
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
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gives the place back and forgets the deadlines."""
        if self._ticket is None:
            return
        self._admission.leave(self._ticket)
        self._head_came()
        self._body_came()
        super().connection_lost(exc)  # ends what waits to write
        self._answer_went()

    def data_received(self, data: bytes) -> None:
        """Counts what arrives, and sees to it that one deadline or another is set."""
        if self._deaf:
            return
        before = self.cycle
        if self._head_deadline is not None:
            # a body may follow in the same octets, or the header's end be split between two lots
            end = (self._seen + data).find(b"\r\n\r\n")
            self._head += len(data) if end < 0 else end
            self._seen = data[-3:]
            if self._head > LARGEST_HEAD:
                self._end(_HEAD_TOO_LARGE)
                return
        super().data_received(data)
        if self._in_body:
            self._body += len(data)
            if self._body > LARGEST_MESSAGE:
                self._end(_BODY_TOO_LARGE)
            elif self._body_deadline is None:
                seconds = self._limits.body_seconds
                self._body_deadline = self.loop.call_later(seconds, self._end, _BODY_TOO_SLOW)
        elif self.cycle is before and self._is_forgotten:
            self._wait_for_head()  # white space between two requests is no request

    def on_message_begin(self) -> None:
        """A request starts: its header has to be complete in time."""
        super().on_message_begin()
        if self._extensions is not None:
            self.scope["extensions"] = self._extensions
        if self._head_deadline is None:
            self._wait_for_head()

    def on_headers_complete(self) -> None:
        """The header is complete, and the body, if there is one, has its time from now on."""
        self._head_came()
        self._in_body = True
        self._body = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is complete."""
        self._in_body = False
        self._body_came()
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The client does not read: it gets time to begin again."""
        super().pause_writing()
        if self._answer_deadline is None:
            seconds = self._limits.answer_seconds
            self._answer_deadline = self.loop.call_later(seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads."""
        self._answer_went()
        super().resume_writing()

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a further request."""
        return self.timeout_keep_alive_task is not None and not self.transport.is_closing()

    @property
    def _is_forgotten(self) -> bool:
        """Whether nothing would ever end this connection."""
        timers = (self._head_deadline, self._body_deadline, self.timeout_keep_alive_task)
        return timers == (None, None, None) and self._rests

    @property
    def _rests(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or (cycle.response_complete and not self.pipeline)

    def _end(self, status: bytes) -> None:
        """Answers, unless the answer has begun, and closes."""
        self._deaf = True
        if self._rests if not self._in_body else not self.cycle.response_started:
            _, date = next(iter(self.server_state.default_headers))
            lines = (
                b"HTTP/1.1 " + status,
                b"date: " + date,
                b"connection: close",
                b"content-length: 0",
            )
            self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n")
        if not self._rests:
            self.cycle.disconnected = True  # the app is told, and what it still says goes nowhere
            self.cycle.message_event.set()
        self.transport.close()

    def _wait_for_head(self) -> None:
        self._head = 0
        self._seen = b""
        self._head_deadline = self.loop.call_later(self._limits.head_seconds, self.transport.close)

    def _head_came(self) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def _body_came(self) -> None:
        if self._body_deadline is not None:
            self._body_deadline.cancel()
            self._body_deadline = None

    def _answer_went(self) -> None:
        if self._answer_deadline is not None:
            self._answer_deadline.cancel()
            self._answer_deadline = None
