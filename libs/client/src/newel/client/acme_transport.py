"""Drives the ACME exchange: the same generator from threads and from an event loop."""

import asyncio
import http.client
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from newel.client.acme_events import (
    Event,
    Flow,
    Pause,
    Prove,
    Request,
    Response,
    Result,
    Stage,
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
    """Plays the exchange out; ``watch`` hears of each stage. Raises ClientError."""
    connections: dict[str, http.client.HTTPSConnection] = {}
    answer: Response | None = None
    open_challenges: list[tuple[str, str]] = []
    try:
        while True:
            event = flow.send(answer)
            answer = None
            if isinstance(event, Request):
                answer = _exchange(connections, tls, event)
            elif isinstance(event, Pause):
                time.sleep(event.seconds)
            else:
                _local(event, solver, watch, open_challenges)
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        for challenge in open_challenges:
            solver.withdraw(*challenge)
        for connection in connections.values():
            connection.close()


async def run_async(
    flow: Flow[Result],
    client: "httpx.AsyncClient",
    solver: Solver = NO_SOLVER,
    watch: Callable[[str], None] = lambda _: None,
) -> Result:
    """Run the flow on an event loop: see ``run``."""
    import httpx

    answer: Response | None = None
    open_challenges: list[tuple[str, str]] = []
    try:
        while True:
            event = flow.send(answer)
            answer = None
            if isinstance(event, Request):
                try:
                    got = await client.request(
                        event.method,
                        event.url,
                        content=event.body,
                        headers={"Content-Type": JOSE} if event.body else {},
                    )
                except httpx.HTTPError as error:
                    raise unreachable(event.method, event.url, error) from error
                answer = Response(got.status_code, dict(got.headers), got.content)
            elif isinstance(event, Pause):
                await asyncio.sleep(event.seconds)
            else:
                _local(event, solver, watch, open_challenges)
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        for challenge in open_challenges:
            solver.withdraw(*challenge)


def _local(
    event: Event,
    solver: Solver,
    watch: Callable[[str], None],
    open_challenges: list[tuple[str, str]],
) -> None:
    """Handle an event that needs no request: a pause, or a challenge to prove."""
    if isinstance(event, Prove):
        open_challenges.append((event.identifier, event.token))
        solver.prove(event)
    elif isinstance(event, Withdraw):
        with suppress(ValueError):
            open_challenges.remove((event.identifier, event.token))
        solver.withdraw(event.identifier, event.token)
    elif isinstance(event, Stage):
        watch(event.name)


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
