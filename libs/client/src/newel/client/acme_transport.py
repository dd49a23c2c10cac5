"""Drives the ACME exchange: the same generator from threads and from an event loop."""

import asyncio
import http.client
import ssl
import time
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from newel.client.acme_events import (
    Flow,
    Pause,
    Prove,
    Request,
    Response,
    Result,
    Withdraw,
)
from newel.client.authority import SECONDS, USER_AGENT, unreachable, whole_body
from newel.client.errors import AnswerError
from newel.client.tunnels import connect

if TYPE_CHECKING:
    import httpx


class Solver(Protocol):
    """Makes challenges answerable."""

    def prove(self, challenge: Prove, /) -> None:
        """Answers from now on."""
        ...

    def withdraw(self, identifier: str, token: str, /) -> None:
        """Answers no more."""
        ...


class NoSolver:
    """For exchanges about an account, which have no challenges."""

    def prove(self, challenge: Prove) -> None:
        """Cannot. Raises AnswerError."""
        raise AnswerError(f"nothing here answers the {challenge.kind} challenge")

    def withdraw(self, identifier: str, token: str) -> None:
        """There is nothing to take away."""


NO_SOLVER = NoSolver()
JOSE = "application/jose+json"


def run(
    flow: Flow[Result],
    tls: ssl.SSLContext,
    solver: Solver = NO_SOLVER,
    watch: Callable[[str], None] = lambda _: None,
) -> Result:
    """Run the exchange; ``watch`` is called with each stage. Raises ClientError."""
    connections: dict[str, http.client.HTTPSConnection] = {}
    answer: Response | None = None
    with closing(_answer_challenges(flow, solver, watch)) as steps:
        try:
            while True:
                event = steps.send(answer)
                if isinstance(event, Request):
                    answer = _exchange(connections, tls, event)
                else:
                    time.sleep(event.seconds)
                    answer = None
        except StopIteration as end:
            result: Result = end.value
            return result
        finally:
            for connection in connections.values():
                connection.close()


async def run_async(
    flow: Flow[Result],
    client: "httpx.AsyncClient",
    solver: Solver = NO_SOLVER,
    watch: Callable[[str], None] = lambda _: None,
) -> Result:
    """Run the exchange on an event loop: see ``run``."""
    answer: Response | None = None
    with closing(_answer_challenges(flow, solver, watch)) as steps:
        try:
            while True:
                event = steps.send(answer)
                if isinstance(event, Request):
                    answer = await _exchange_async(client, event)
                else:
                    await asyncio.sleep(event.seconds)
                    answer = None
        except StopIteration as end:
            result: Result = end.value
            return result


def _answer_challenges(
    flow: Flow[Result], solver: Solver, watch: Callable[[str], None]
) -> Generator[Request | Pause, Response | None, Result]:
    """Handle the events that take no time and yield the others; withdraw open challenges at the end."""
    open_challenges: list[tuple[str, str]] = []
    answer: Response | None = None
    try:
        while True:
            event = flow.send(answer)
            answer = None
            if isinstance(event, Request | Pause):
                answer = yield event
            elif isinstance(event, Prove):
                open_challenges.append((event.identifier, event.token))
                solver.prove(event)
            elif isinstance(event, Withdraw):
                with suppress(ValueError):
                    open_challenges.remove((event.identifier, event.token))
                solver.withdraw(event.identifier, event.token)
            else:
                watch(event.name)
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        for challenge in open_challenges:
            solver.withdraw(*challenge)


async def _exchange_async(client: "httpx.AsyncClient", wanted: Request) -> Response:
    """Send a request with httpx."""
    import httpx

    headers = {"Content-Type": JOSE} if wanted.body else {}
    try:
        got = await client.request(wanted.method, wanted.url, content=wanted.body, headers=headers)
    except httpx.HTTPError as error:
        raise unreachable(wanted.method, wanted.url, error) from error
    return Response(got.status_code, dict(got.headers), got.content)


def _exchange(
    connections: dict[str, http.client.HTTPSConnection], tls: ssl.SSLContext, wanted: Request
) -> Response:
    """Send a request on a kept connection, or on a new one if the server closed it meanwhile."""
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


def _send(connection: http.client.HTTPSConnection, path: str, wanted: Request) -> Response:
    headers = {"User-Agent": USER_AGENT}
    if wanted.body:
        headers["Content-Type"] = JOSE
    connection.request(wanted.method, path, wanted.body or None, headers)
    got = connection.getresponse()
    body = whole_body(got)
    return Response(got.status, {k.lower(): v for k, v in got.getheaders()}, body)
