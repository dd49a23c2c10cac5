"""A bounded HTTP GET for validation: each hop resolved once, checked and pinned; no proxies, no decompression.

Written on asyncio streams because nothing here may be left to a client's defaults: not where it connects,
how often it follows, how much it reads nor how long it waits. An ACME http-01 check is one of these.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urljoin, urlsplit

from newel.runtime.egress import (
    EgressError,
    EgressPolicy,
    EgressRefused,
    in_words,
    is_literal,
    is_name,
)

MOST_HEADERS = 64
MOST_INTERIM = 8  # answers of 1xx before the one that counts (RFC 9110 §15.2)
LONGEST_LINE = 8192
REDIRECTS = {301, 302, 303, 307, 308}


class FetchError(EgressError):
    """The server was reached, or could not be, but gave no usable answer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one fetch may take."""

    seconds: float = 10.0
    body_bytes: int = 64 * 1024
    redirects: int = 10
    location_bytes: int = 2000
    ports: Mapping[str, int] = field(default_factory=lambda: {"http": 80, "https": 443})
    """The only port each scheme may use after the first hop; tests configure others."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The last hop's answer."""

    status: int
    body: bytes
    url: str
    address: str


async def http_get(url: str, policy: EgressPolicy, limits: Limits) -> Answer:
    """Fetches a URL, following redirects within the limits.

    Raises EgressRefused, ResolutionError or FetchError; the body is cut off by an error when it is longer
    than allowed. Certificates of https hops are not verified (RFC 8555 §8.3: the first hop is plain).
    """
    try:
        async with asyncio.timeout(limits.seconds):
            return await follow(url, policy, limits)
    except TimeoutError:
        raise FetchError(f"no complete answer from {urlsplit(url).hostname} in time") from None


async def follow(url: str, policy: EgressPolicy, limits: Limits) -> Answer:
    """One hop after the other."""
    for _ in range(limits.redirects + 1):
        scheme, host, port, path = parse_url(url, limits)
        addresses = await policy.resolve(host)
        answer, location = await one_hop(addresses, scheme, host, port, path, limits)
        if answer.status not in REDIRECTS or not location:
            return Answer(answer.status, answer.body, url, answer.address)
        if len(location) > limits.location_bytes:
            raise FetchError(f"{host} redirects to an address that is too long")
        try:
            url = urljoin(url, location)
        except ValueError:
            raise EgressRefused(f"{host} redirects to what is no URL") from None
    raise FetchError(f"more than {limits.redirects} redirects")


def parse_url(url: str, limits: Limits) -> tuple[str, str, int, str]:
    """Scheme, host, port and path of a URL that may be fetched. Raises EgressRefused."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise EgressRefused("the address is not a URL") from None
    if parts.scheme not in limits.ports:
        raise EgressRefused(f"the scheme {parts.scheme[:16]!r} is not allowed")
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise EgressRefused("the URL has no host, or names a user")
    if not is_literal(parts.hostname) and not is_name(parts.hostname):
        raise EgressRefused("the URL's host is neither a DNS name nor an address")
    if any(ord(char) <= 32 or ord(char) == 127 for char in parts.path + parts.query):
        raise EgressRefused("the URL has control characters")
    default = limits.ports[parts.scheme]
    if port is not None and port not in {default, {"http": 80, "https": 443}[parts.scheme]}:
        raise EgressRefused(f"port {port} is not allowed")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    path = "".join(char if char.isascii() else quote(char, encoding="latin-1") for char in path)
    return parts.scheme, parts.hostname, default if port is None else port, path


async def one_hop(
    addresses: list[str], scheme: str, host: str, port: int, path: str, limits: Limits
) -> tuple[Answer, str]:
    """Connects to the first address that answers and asks once; returns the answer and its Location."""
    context = unverified() if scheme == "https" else None
    failure: OSError | None = None
    for address in addresses:
        try:
            reader, writer = await asyncio.open_connection(
                address,
                port,
                ssl=context,
                server_hostname=host if context else None,
                limit=LONGEST_LINE,
            )
        except OSError as error:
            failure = error
            continue
        except (ValueError, TypeError) as error:  # TLS takes no such name
            raise FetchError(f"connecting to {host} failed: {in_words(error)}") from None
        try:
            return await ask(reader, writer, address, host, port, path, limits)
        except (
            OSError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
            ValueError,
        ) as error:
            raise FetchError(f"{host} did not answer with HTTP: {in_words(error)}") from None
        finally:
            writer.close()
    why = in_words(failure) if failure else "it has no address"
    raise FetchError(f"connecting to {host} port {port} failed: {why}")


def unverified() -> ssl.SSLContext:
    """TLS without verification, at least 1.2: what counts is the key authorization, not the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def ask(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    address: str,
    host: str,
    port: int,
    path: str,
    limits: Limits,
) -> tuple[Answer, str]:
    """Sends one request and reads one bounded answer."""
    authority = f"[{host}]" if ":" in host else host
    if port not in {80, 443}:
        authority += f":{port}"
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: newel\r\nAccept: */*\r\n"
        "Accept-Encoding: identity\r\nConnection: close\r\n\r\n".encode("ascii", "replace")
    )
    for _ in range(MOST_INTERIM + 1):
        status = await read_status(reader)
        headers = await read_headers(reader)
        if status >= 200:
            break
    else:
        raise ValueError("too many interim answers")
    body = b"" if status in REDIRECTS else await read_body(reader, headers, limits.body_bytes)
    return Answer(status, body, "", address), headers.get("location", "")


async def read_status(reader: asyncio.StreamReader) -> int:
    """The status of a status line (RFC 9112 §4)."""
    version, _, rest = (await reader.readuntil(b"\n")).partition(b" ")
    status = rest[:4].strip()
    if not version.startswith(b"HTTP/1.") or len(status) != 3 or not status.isdigit():
        raise ValueError("no HTTP status line")
    return int(status)


async def read_headers(reader: asyncio.StreamReader) -> dict[str, str]:
    """The header fields, lower-cased names, a bounded number of bounded lines."""
    headers: dict[str, str] = {}
    for _ in range(MOST_HEADERS):
        line = (await reader.readuntil(b"\n")).strip()
        if not line:
            return headers
        name, _, value = line.partition(b":")
        headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
    raise ValueError("too many header fields")


async def read_body(reader: asyncio.StreamReader, headers: dict[str, str], most: int) -> bytes:
    """The body, by length, by chunks or to the end of the connection."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await read_chunks(reader, most)
    length = headers.get("content-length")
    if length is not None:
        size = read_number(length.encode("latin-1"), 10)
        if size > most:
            raise ValueError(f"the answer is longer than {most} bytes")
        return await reader.readexactly(size)
    body = b""
    while block := await reader.read(most + 1 - len(body)):
        body += block
        if len(body) > most:
            raise ValueError(f"the answer is longer than {most} bytes")
    return body


def read_number(text: bytes, base: int) -> int:
    """A length: digits and nothing else."""
    digits = b"0123456789" if base == 10 else b"0123456789abcdefABCDEF"
    if not 0 < len(text) <= 16 or text.strip(digits):
        raise ValueError("a length is not a number")
    return int(text, base)


async def read_chunks(reader: asyncio.StreamReader, most: int) -> bytes:
    """A chunked body (RFC 9112 §7.1)."""
    body = b""
    while size := read_number((await reader.readuntil(b"\n")).split(b";")[0].strip(), 16):
        if len(body) + size > most:
            raise ValueError(f"the answer is longer than {most} bytes")
        body += await reader.readexactly(size)
        await reader.readuntil(b"\n")
    return body
