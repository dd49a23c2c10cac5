"""Drives the ACME exchange: the same generator from threads and from an event loop."""

import asyncio
import http.client
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from newel.client import acme
from newel.client.authority import SECONDS, USER_AGENT, connect, unreachable, whole_body
from newel.client.errors import AnswerError

if TYPE_CHECKING:
    import httpx


class Solver(Protocol):
    """Makes challenges answerable."""

    def prove(self, challenge: acme.Prove, /) -> None:
        """Answers from now on."""
        ...

    def withdraw(self, identifier: str, token: str, /) -> None:
        """Answers no more."""
        ...


def run(
    flow: acme.Flow,
    tls: ssl.SSLContext,
    solver: Solver,
    watch: Callable[[str], None] = lambda _: None,
) -> bytes:
    """Plays the exchange out; ``watch`` hears of each stage. Raises ClientError."""
    connections: dict[str, http.client.HTTPSConnection] = {}
    answer: acme.Response | None = None
    open_challenges: list[tuple[str, str]] = []
    try:
        while True:
            event = flow.send(answer)
            answer = None
            if isinstance(event, acme.Request):
                answer = _exchange(connections, tls, event)
            elif isinstance(event, acme.Pause):
                time.sleep(event.seconds)
            else:
                _local(event, solver, watch, open_challenges)
    except StopIteration as end:
        return bytes(end.value)
    finally:
        for challenge in open_challenges:
            solver.withdraw(*challenge)
        for connection in connections.values():
            connection.close()


async def run_async(
    flow: acme.Flow,
    client: "httpx.AsyncClient",
    solver: Solver,
    watch: Callable[[str], None] = lambda _: None,
) -> bytes:
    """The same on an event loop."""
    import httpx

    answer: acme.Response | None = None
    open_challenges: list[tuple[str, str]] = []
    try:
        while True:
            event = flow.send(answer)
            answer = None
            if isinstance(event, acme.Request):
                try:
                    got = await client.request(
                        event.method,
                        event.url,
                        content=event.body,
                        headers={"Content-Type": acme.JOSE} if event.body else {},
                    )
                except httpx.HTTPError as error:
                    raise unreachable(event.method, event.url, error) from error
                answer = acme.Response(got.status_code, dict(got.headers), got.content)
            elif isinstance(event, acme.Pause):
                await asyncio.sleep(event.seconds)
            else:
                _local(event, solver, watch, open_challenges)
    except StopIteration as end:
        return bytes(end.value)
    finally:
        for challenge in open_challenges:
            solver.withdraw(*challenge)


def _local(
    event: acme.Event,
    solver: Solver,
    watch: Callable[[str], None],
    open_challenges: list[tuple[str, str]],
) -> None:
    """What happens on this machine."""
    if isinstance(event, acme.Prove):
        open_challenges.append((event.identifier, event.token))
        solver.prove(event)
    elif isinstance(event, acme.Proved):
        with suppress(ValueError):
            open_challenges.remove((event.identifier, event.token))
        solver.withdraw(event.identifier, event.token)
    elif isinstance(event, acme.Stage):
        watch(event.name)


def _exchange(
    connections: dict[str, http.client.HTTPSConnection], tls: ssl.SSLContext, wanted: acme.Request
) -> acme.Response:
    """Makes one request on a kept connection; a connection the server closed meanwhile is replaced."""
    parts = urlsplit(wanted.url)
    if parts.scheme != "https":
        raise AnswerError(f"the ACME address {wanted.url} is not https")
    origin = f"https://{parts.netloc}"
    for last in (False, True):
        if origin not in connections:
            connections[origin] = connect(origin, tls, SECONDS)
        try:
            return _send(
                connections[origin], parts.path + (f"?{parts.query}" if parts.query else ""), wanted
            )
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            connections.pop(origin).close()
            if last:
                raise unreachable(wanted.method, wanted.url, error) from error
        except (OSError, http.client.HTTPException) as error:
            raise unreachable(wanted.method, wanted.url, error) from error
    raise AssertionError("unreachable")


def _send(
    connection: http.client.HTTPSConnection, path: str, wanted: acme.Request
) -> acme.Response:
    headers = {"User-Agent": USER_AGENT}
    if wanted.body:
        headers["Content-Type"] = acme.JOSE
    connection.request(wanted.method, path, wanted.body or None, headers)
    got = connection.getresponse()
    body = whole_body(got)
    return acme.Response(got.status, {k.lower(): v for k, v in got.getheaders()}, body)
