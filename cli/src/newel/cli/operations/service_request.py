"""One HTTP request to a service, sent as the holder of a credential; redirections stay with the service."""

import contextlib
import http.client
import ssl
from collections.abc import Generator
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

from newel.cli.errors import CliError
from newel.cli.operations import connection
from newel.cli.operations.credentials import services
from newel.client import authority
from newel.client.trust import client_tls
from newel.client.tunnels import connect

if TYPE_CHECKING:
    from newel.cli.operations.credentials.credential import Credential

SECONDS = 30.0
"""The longest pause of a service."""
MOST_REDIRECTIONS = 10
AS_GET = (301, 302, 303)
"""After which a POST goes on as a GET without its body (RFC 9110 §15.4)."""
SAME = (307, 308)


class Request(NamedTuple):
    """What is asked. The credential is not in it."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None


@contextlib.contextmanager
def send(
    request: Request, credential: "Credential", roots: str | None
) -> Generator[http.client.HTTPResponse]:
    """Send a request, follow redirects and yield the answer, its body unread. Raises CliError.

    ``roots`` is PEM of what is trusted beside the system's roots.
    """
    service = services.origin(request.url)
    for _ in range(MOST_REDIRECTIONS):
        with send_once(request, credential, roots) as answer:
            following = follow(request, answer)
            if following is None:
                yield answer
                return
        elsewhere = services.origin(following.url)
        if elsewhere != service:
            raise CliError(f"{service} sends on to {elsewhere}, which this login is not for")
        request = following
    raise CliError(f"{service} redirects without end")


@contextlib.contextmanager
def send_once(
    request: Request, credential: "Credential", roots: str | None
) -> Generator[http.client.HTTPResponse]:
    """One request and its answer."""
    tls = client_tls(None)
    if roots:
        try:
            tls.load_verify_locations(cadata=roots)
        except ssl.SSLError:
            raise CliError("error reading root certificate: no certificate in it") from None
    headers = {"User-Agent": authority.USER_AGENT, "Accept": "*/*", **request.headers}
    credential.present(headers, tls)
    link = open_connection(request.url, tls)
    try:
        with connection.explain_refusals():
            try:
                link.request(request.method, services.target(request.url), request.body, headers)
                answer = link.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise authority.unreachable(request.method, request.url, error) from error
        yield answer
    finally:
        link.close()


def open_connection(url: str, tls: ssl.SSLContext) -> http.client.HTTPConnection:
    """Connect to the origin of a URL; http goes to this machine only, and so through no proxy."""
    parts = urlsplit(url)
    if parts.scheme == "http":
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
    return connect(services.origin(url), tls, SECONDS)


def follow(request: Request, answer: http.client.HTTPResponse) -> Request | None:
    """Return the request to send next; None when this is the answer."""
    where = answer.getheader("Location")
    if where is None or answer.status not in (*AS_GET, *SAME):
        return None
    url = urljoin(request.url, where)
    if answer.status in SAME or request.method in {"GET", "HEAD"}:
        return request._replace(url=url)
    return Request("GET", url, request.headers, None)
