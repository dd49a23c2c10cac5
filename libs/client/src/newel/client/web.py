"""Opens URLs with the standard library, by the same rules for proxies and TLS as every other request."""

import http.client
import ssl
import urllib.request
from typing import Any

from newel.client.errors import UnreachableError
from newel.client.proxies import find_proxy
from newel.client.trust import client_tls
from newel.client.tunnels import connect


class SecureHandler(urllib.request.HTTPSHandler):
    """Opens https URLs, through the proxy of the environment where there is one."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__()
        self._tls = tls

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Open a request. Raise URLError and UnreachableError."""
        return self.do_open(self._connect, req)  # pyright: ignore[reportArgumentType] - it makes a connection

    def _connect(self, host: str, *, timeout: float) -> http.client.HTTPConnection:
        if self._tls is None:
            self._tls = client_tls(None)
        return connect(f"https://{host}", self._tls, timeout)


class PlainHandler(urllib.request.HTTPHandler):
    """Opens http URLs, by asking the proxy of the environment where there is one."""

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Open a request. Raise URLError and UnreachableError."""
        proxy = find_proxy(req.full_url)
        if proxy is None:
            return self.do_open(http.client.HTTPConnection, req)
        if proxy.scheme not in {"http", "https"}:
            raise UnreachableError(
                f"the proxy {proxy.address} is not used for http: name an http proxy"
            )
        host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
        req.set_proxy(f"{host}:{proxy.port}", "http")
        for name, value in proxy.authorization.items():
            req.add_unredirected_header(name, value)
        if proxy.scheme == "http":
            return self.do_open(http.client.HTTPConnection, req)
        return self.do_open(http.client.HTTPSConnection, req, context=client_tls(None))


def make_opener(tls: ssl.SSLContext | None = None, *handlers: Any) -> urllib.request.OpenerDirector:
    """Return an opener of URLs that trusts the system's roots unless ``tls`` says otherwise."""
    # without our ProxyHandler urllib adds its own, which has other rules
    none = urllib.request.ProxyHandler({})
    return urllib.request.build_opener(none, PlainHandler(), SecureHandler(tls), *handlers)
