"""The transport of every httpx client here: the proxies of `newel.client.proxies`, not httpx's own rules."""

import ssl

import httpx

from newel.client.errors import UnreachableError
from newel.client.proxies import Proxy, find_proxy
from newel.client.trust import client_tls


class ProxyTransport(httpx.AsyncBaseTransport):
    """Sends each request directly or through the proxy the environment names for it."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._transports: dict[Proxy | None, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. Raise httpx.HTTPError, UnreachableError."""
        proxy = find_proxy(str(request.url))
        if proxy not in self._transports:
            self._transports[proxy] = httpx.AsyncHTTPTransport(
                verify=self._tls, trust_env=False, proxy=convert(proxy)
            )
        return await self._transports[proxy].handle_async_request(request)

    async def aclose(self) -> None:
        """Close every connection."""
        for transport in self._transports.values():
            await transport.aclose()


def convert(proxy: Proxy | None) -> httpx.Proxy | None:
    """Convert a proxy to httpx's. Raise UnreachableError for a kind that it does not speak by itself."""
    if proxy is None:
        return None
    if proxy.scheme not in {"http", "https"}:
        raise UnreachableError(
            f"the proxy {proxy.address} is not used by event loops: name an http proxy"
        )
    auth = None if proxy.user is None else (proxy.user, proxy.password)
    tls = client_tls(None) if proxy.scheme == "https" else None
    return httpx.Proxy(proxy.address, auth=auth, ssl_context=tls)
