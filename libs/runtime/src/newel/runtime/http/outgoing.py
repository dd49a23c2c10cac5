"""The one bounded HTTPS client of the services: the host is resolved once, checked and pinned.

No proxies, no redirects, no kept connections: where a request goes is what the configuration and the
egress policy say. httpx is loaded by the first request, because it is slow to load.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from newel.runtime.egress import EgressError, EgressPolicy

if TYPE_CHECKING:
    import httpx


class OutgoingError(EgressError):
    """No usable answer; the message never holds the URL, which may be a secret."""


class TooManyRequestsError(OutgoingError):
    """As many requests as may be open at once are open."""


@dataclass(frozen=True, slots=True)
class OutgoingLimits:
    """The bounds of one request, and of those that are open at once."""

    seconds: float = 10.0
    """For the whole request, from the resolution of the name to the last octet."""
    body_bytes: int = 1 << 20
    """A longer answer is an error."""
    to_one_host: int = 16
    """Requests that are open to one host at once; one more is refused at once."""
    to_all_hosts: int = 64
    """The same for all hosts together."""


class OutgoingResponse(NamedTuple):
    """An answer with any status; ``headers`` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class OutgoingClient:
    """Sends requests to https addresses, and to http ones where ``plain`` allows it."""

    policy: EgressPolicy
    tls: ssl.SSLContext
    """What it trusts, and the client certificate it shows, if any."""
    limits: OutgoingLimits = OutgoingLimits()
    plain: bool = False
    _client: "httpx.AsyncClient | None" = field(default=None, init=False, repr=False)
    _open: dict[str, int] = field(default_factory=dict[str, int], init=False, repr=False)

    def with_trust(self, tls: ssl.SSLContext) -> "OutgoingClient":
        """Return a client for servers of another trust; what both have open is bounded together."""
        other = OutgoingClient(self.policy, tls, self.limits, self.plain)
        other._open = self._open
        return other

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> OutgoingResponse:
        """Fetch a URL. Raises as :meth:`request`."""
        return await self.request("GET", url, headers or {})

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> OutgoingResponse:
        """Post a body. Raises as :meth:`request`."""
        return await self.request("POST", url, headers, body)

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> OutgoingResponse:
        """Send one request within the limits and return its answer, whatever its status.

        Raises EgressRefusedError, ResolutionError or OutgoingError.
        """
        import httpx

        try:
            target = httpx.URL(url)
        except (httpx.InvalidURL, ValueError):
            raise OutgoingError("the address is not a URL") from None
        if not target.host or target.scheme not in ({"https", "http"} if self.plain else {"https"}):
            raise OutgoingError("the address is not one of https")
        if target.userinfo:
            raise OutgoingError("the address names a user")
        self._enter(target.host)
        try:
            async with asyncio.timeout(self.limits.seconds):
                return await self._send(method, target, headers, body)
        except TimeoutError:
            raise OutgoingError(f"no answer from {target.host} in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, UnicodeError) as error:
            raise OutgoingError(f"no answer from {target.host}: {_describe(error)}") from None
        finally:
            self._leave(target.host)

    async def _send(
        self, method: str, target: "httpx.URL", headers: Mapping[str, str], body: bytes
    ) -> OutgoingResponse:
        addresses = await self.policy.resolve(target.host)
        if self._client is None:
            self._client = make_client(self.tls, self.limits.seconds)
        # a few octets can be packed megabytes
        headers = {"Accept-Encoding": "identity", **headers}
        request = pin_request(self._client, method, target, addresses[0], headers, body)
        response = await self._client.send(request, stream=True)
        try:
            return OutgoingResponse(
                response.status_code, dict(response.headers), await self._read(response)
            )
        finally:
            await response.aclose()

    async def _read(self, response: "httpx.Response") -> bytes:
        blocks: list[bytes] = []
        size = 0
        async for block in response.aiter_raw():
            size += len(block)
            if size > self.limits.body_bytes:
                raise OutgoingError("the answer is too long")
            blocks.append(block)
        return b"".join(blocks)

    def _enter(self, host: str) -> None:
        number = self._open.get(host, 0)
        if (
            number >= self.limits.to_one_host
            or sum(self._open.values()) >= self.limits.to_all_hosts
        ):
            raise TooManyRequestsError(f"too many requests to {host} are open")
        self._open[host] = number + 1

    def _leave(self, host: str) -> None:
        self._open[host] -= 1
        if not self._open[host]:
            del self._open[host]

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def make_client(tls: ssl.SSLContext, seconds: float) -> "httpx.AsyncClient":
    """Make a client without proxies, redirects and kept connections."""
    import httpx

    return httpx.AsyncClient(
        verify=tls,
        timeout=seconds,
        follow_redirects=False,
        trust_env=False,
        # a kept connection was verified for one name and would serve another of its address
        limits=httpx.Limits(max_keepalive_connections=0),
    )


def pin_request(
    client: "httpx.AsyncClient",
    method: str,
    target: "httpx.URL",
    address: str,
    headers: Mapping[str, str],
    body: bytes,
) -> "httpx.Request":
    """Build a request for a URL that is sent to one address of its host."""
    return client.build_request(
        method,
        target.copy_with(host=address),
        content=body or None,
        headers={"User-Agent": "newel", **headers, "Host": target.netloc.decode()},
        # the name that SNI and the certificate check go by, although the address is pinned
        extensions={"sni_hostname": target.host},
    )


def _describe(error: Exception) -> str:
    """Describe a failure without what was received; a certificate that fails says why."""
    cause = error.__cause__ or error.__context__ or error
    while cause.__cause__ is not None or cause.__context__ is not None:
        cause = cause.__cause__ or cause.__context__ or cause
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {cause.verify_message}"
    return type(error).__name__
