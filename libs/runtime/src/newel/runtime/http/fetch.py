"""A bounded HTTP GET for validation: each hop is resolved once, checked against the policy and pinned.

No proxies and no decompression. The connection is asyncio's and the protocol h11's, because nothing here may
be left to a client's defaults: where it connects, how often it follows, how much it reads, how long it waits.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urljoin, urlsplit

import h11

from newel.runtime.egress import (
    EgressError,
    EgressPolicy,
    EgressRefusedError,
    describe_failure,
    is_literal,
    is_name,
    show_endpoint,
)

_MAX_INTERIM = 8  # 1xx responses before the final one (RFC 9110 §15.2)
_BLOCK = 4096  # octets
_MAX_HEAD = 3 * _BLOCK  # without its last block
_REDIRECTS = {301, 302, 303, 307, 308}
_PROTOCOL = b"HTTP/1."
_MAX_SHOWN = 200  # characters of a URL
_STATUS_LINE = "no HTTP status line"
# h11's texts quote what was received; a client of the authority is told these instead
_CAUSES = (
    ("status line", _STATUS_LINE),
    ("Content-Length", "a length is not a number"),
    ("chunk header", "a length is not a number"),
    ("too long", "a line is too long"),
    ("closed connection", "the connection ended too early"),
)


class FetchError(EgressError):
    """The server could not be reached, or gave no usable response."""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """The bounds of one fetch."""

    seconds: float = 10.0
    body_bytes: int = 64 * 1024
    redirects: int = 10
    location_bytes: int = 2000
    ports: Mapping[str, int] = field(default_factory=lambda: {"http": 80, "https": 443})
    """The only port each scheme may use after the first hop; tests configure others."""


@dataclass(frozen=True, slots=True)
class FetchResponse:
    """The last hop's response."""

    status: int
    body: bytes
    """Whole when the status is 200, else its beginning."""
    url: str
    endpoint: str
    """The address and the port that answered."""
    redirects: int = 0
    """How many led there."""


async def http_get(url: str, policy: EgressPolicy, limits: FetchLimits) -> FetchResponse:
    """Fetch a URL, following redirects within the limits.

    Raises EgressRefusedError, ResolutionError or FetchError, the last also for a body longer than allowed.
    Certificates of https hops are not verified (RFC 8555 §8.3: the first hop is plain).
    """
    progress = _Progress()
    try:
        async with asyncio.timeout(limits.seconds):
            return await _follow(url, policy, limits, progress)
    except TimeoutError:
        raise FetchError(
            f"no complete answer from {urlsplit(url).hostname} in {limits.seconds:g} s:"
            f" the time ran out {progress.stage}{progress.after}"
        ) from None
    except EgressError as error:
        raise type(error)(f"{error}{progress.after}") from None


@dataclass(slots=True)
class _Progress:
    """How far a fetch is, for the text of its error."""

    stage: str = ""
    after: str = ""


async def _follow(
    url: str, policy: EgressPolicy, limits: FetchLimits, progress: _Progress
) -> FetchResponse:
    for hop in range(limits.redirects + 1):
        if hop:
            progress.after = f", after a redirect to {show_url(url)}"
        scheme, host, port, target = _parse_url(url, limits)
        progress.stage = f"while {host} was resolved"
        addresses = await policy.resolve(host)
        address, reader, writer = await _connect(addresses, scheme, host, port, progress)
        endpoint = show_endpoint(address, port)
        progress.stage = f"while {endpoint} was to answer"
        try:
            status, location, body = await _request(reader, writer, host, port, target, limits)
        except (OSError, h11.ProtocolError) as error:
            raise FetchError(
                f"{host} ({endpoint}) did not answer with HTTP: {_describe(error)}"
            ) from None
        finally:
            writer.close()
        if status not in _REDIRECTS or not location:
            return FetchResponse(status, body, url, endpoint, hop)
        if len(location) > limits.location_bytes:
            raise FetchError(f"{host} redirects to an address that is too long")
        try:
            url = urljoin(url, location)
        except ValueError:
            raise EgressRefusedError(f"{host} redirects to what is no URL") from None
    raise FetchError(f"more than {limits.redirects} redirects")


def show_url(url: str) -> str:
    """Return a URL for the text of an error: printable, and no longer than a line or two."""
    shown = quote(url[:_MAX_SHOWN], safe="%/:=&?~#+!$,;'@()*[]")
    return shown + ("…" if len(url) > _MAX_SHOWN else "")


def _parse_url(url: str, limits: FetchLimits) -> tuple[str, str, int, str]:
    """Return scheme, host, port and target of a URL that may be fetched. Raises EgressRefusedError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise EgressRefusedError("the address is not a URL") from None
    if parts.scheme not in limits.ports:
        raise EgressRefusedError(f"the scheme {parts.scheme[:16]!r} is not allowed")
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise EgressRefusedError("the URL has no host, or names a user")
    if not is_literal(parts.hostname) and not is_name(parts.hostname):
        raise EgressRefusedError("the URL's host is neither a DNS name nor an address")
    if any(ord(char) <= 32 or ord(char) == 127 for char in parts.path + parts.query):
        raise EgressRefusedError("the URL has control characters")
    default = limits.ports[parts.scheme]
    if port is not None and port not in {default, {"http": 80, "https": 443}[parts.scheme]}:
        raise EgressRefusedError(f"port {port} is not allowed")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    path = "".join(char if char.isascii() else quote(char, encoding="latin-1") for char in path)
    return parts.scheme, parts.hostname, default if port is None else port, path


async def _connect(
    addresses: list[str], scheme: str, host: str, port: int, progress: _Progress
) -> tuple[str, asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first address that accepts; returns it with the connection. Raises FetchError."""
    context = _unverified_context() if scheme == "https" else None
    causes: list[str] = []
    for address in addresses:
        endpoint = show_endpoint(address, port)
        progress.stage = f"while {endpoint} was connected to"
        try:
            reader, writer = await asyncio.open_connection(
                address, port, ssl=context, server_hostname=host if context else None
            )
        except OSError as error:
            causes.append(f"{endpoint}: {describe_failure(error)}")
        except (ValueError, TypeError) as error:  # the TLS library rejects the name
            raise FetchError(f"connecting to {host} failed: {describe_failure(error)}") from None
        else:
            return address, reader, writer
    raise FetchError(f"connecting to {host} port {port} failed: {', '.join(causes)}")


def _unverified_context() -> ssl.SSLContext:
    """Return a TLS 1.2 context that verifies nothing: the key authorization counts, not the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def _request(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    host: str,
    port: int,
    target: str,
    limits: FetchLimits,
) -> tuple[int, str, bytes]:
    """Send one request; returns the status, the Location and, unless it redirects, the body."""
    authority = f"[{host}]" if ":" in host else host
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
    headers = [
        ("Host", authority if port in {80, 443} else f"{authority}:{port}"),
        ("User-Agent", "newel"),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
    ]
    request = h11.Request(method="GET", target=target, headers=headers)
    writer.write(connection.send(request) or b"")
    connection.send(h11.EndOfMessage())
    for _ in range(_MAX_INTERIM + 1):
        event = await _next_event(connection, reader)
        if isinstance(event, h11.Response):
            break
    else:
        raise h11.RemoteProtocolError("too many interim answers")
    location = dict(event.headers).get(b"location", b"").decode("latin-1")
    body = b""
    while event.status_code not in _REDIRECTS:
        data = await _next_event(connection, reader)
        if not isinstance(data, h11.Data):
            break
        body += data.data
        if len(body) > limits.body_bytes:
            if event.status_code != 200:
                break  # the status counts
            raise FetchError(f"{host} sends more than {limits.body_bytes} bytes")
    return event.status_code, location, body


async def _next_event(connection: h11.Connection, reader: asyncio.StreamReader) -> object:
    """Read until the next protocol event. Raises what h11 raises, and OSError."""
    while (event := connection.next_event()) is h11.NEED_DATA:
        data = await reader.read(_BLOCK)
        received = connection.trailing_data[0] + data
        if connection.their_state is h11.SEND_RESPONSE:
            if not received.startswith(_PROTOCOL[: len(received)]):
                raise h11.RemoteProtocolError(_STATUS_LINE)
            if not data:
                raise h11.RemoteProtocolError("closed connection")
        connection.receive_data(data)
    return event


def _describe(error: Exception) -> str:
    """Say why a response is unusable, in words that quote nothing of it."""
    if isinstance(error, h11.ProtocolError):
        return next((ours for text, ours in _CAUSES if text in str(error)), "it is malformed")
    return describe_failure(error)
