"""Health, metrics and the wrapper every request passes."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter

from newel.runtime.clock import SystemClock
from newel.runtime.health import Health
from newel.runtime.http.access_log import ROUTE, AccessLogMiddleware, note_cause
from newel.runtime.http.response import Response
from newel.runtime.http.router import Router
from newel.runtime.line_sink import LineSink
from newel.runtime.metrics import Alias, HTTPMetrics, bound_label, expose
from newel.runtime.request_id import enter_foreign_request


async def ask(app: Any, path: str, **headers: str) -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": [
            (name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()
        ],
        "client": ("192.0.2.1", 5),
    }
    await app(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(m["body"] for m in sent[1:])


async def test_readiness_names_what_is_missing() -> None:
    async def well() -> None: ...

    async def ill() -> None:
        raise ConnectionError("the signer does not answer")

    status, _, body = await ask(Health({"issuing": ill, "validation": well}, []), "/readyz")
    assert status == 503
    assert json.loads(body)["missing"] == {"issuing": "the signer does not answer"}
    assert (await ask(Health({"validation": well}, []), "/readyz"))[0] == 200
    assert (await ask(Health({"issuing": ill}, []), "/livez"))[0] == 200
    assert (await ask(Health({}, []), "/other"))[0] == 404


async def test_metrics_of_several_services_are_one_page() -> None:
    first, second = CollectorRegistry(), CollectorRegistry()
    for registry, service in ((first, "a"), (second, "b")):
        counter = Counter("newel_things_total", "things", ("service",), registry=registry)
        counter.labels(service).inc()
    Alias(counter, "step_ca_things", second)
    text = expose([first, second]).decode()
    assert text.count("# TYPE newel_things_total counter") == 1
    assert 'newel_things_total{service="a"} 1.0' in text
    assert 'newel_things_total{service="b"} 1.0' in text
    assert 'step_ca_things_total{service="b"} 1.0' in text
    assert bound_label("x", {"a"}) == "other"


async def test_a_request_gets_an_id_a_line_and_a_count() -> None:
    registry = CollectorRegistry()
    reading, writing = os.pipe()

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        scope[ROUTE] = "/thing"
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b"made"})

    sink = LineSink(writing)
    served = AccessLogMiddleware(app, "registration", SystemClock(), sink, HTTPMetrics(registry))
    status, headers, body = await ask(served, "/thing/7", x_request_id="abc", user_agent="curl")
    sink.close()
    assert (status, body) == (201, b"made")
    assert headers[b"x-request-id"].startswith(b"abc.")
    with Path(f"/dev/fd/{reading}").open() as log:
        line = json.loads(log.read())
    assert line["request_id"] == headers[b"x-request-id"].decode()
    assert (line["status"], line["size"], line["remote_address"]) == (201, 4, "192.0.2.1")
    assert (
        'newel_http_requests_total{method="GET",route="/thing",service="registration",status="201"} 1.0'
        in expose([registry]).decode()
    )


async def test_the_line_of_a_refused_request_says_why() -> None:
    reading, writing = os.pipe()

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        refused = scope["path"] == "/refused"
        if refused:
            note_cause("the token has expired" + "." * 9999)
        status = 401 if refused else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    sink = LineSink(writing)
    served = AccessLogMiddleware(
        app, "registration", SystemClock(), sink, HTTPMetrics(CollectorRegistry())
    )
    note_cause("outside of a request")
    await ask(served, "/refused")
    await ask(served, "/granted")
    sink.close()
    with Path(f"/dev/fd/{reading}").open() as log:
        refused, granted = map(json.loads, log.read().splitlines())
    assert refused["cause"].startswith("the token has expired.")
    assert len(refused["cause"]) == 1024
    assert "cause" not in granted


@pytest.mark.parametrize(
    ("given", "begins"),
    [({"x_trace": "t1"}, b"t1."), ({"x_trace": "t1", "x_request_id": "abc"}, b"abc.")],
)
async def test_another_header_can_have_the_requests_id(
    given: dict[str, str], begins: bytes
) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    registry = CollectorRegistry()
    served = AccessLogMiddleware(
        app, "test", SystemClock(), None, HTTPMetrics(registry), trace_header="X-Trace"
    )
    _, headers, _ = await ask(served, "/", **given)
    assert headers[b"x-request-id"].startswith(begins)


async def test_a_message_that_an_app_sends_again_and_again_stays_as_it_is() -> None:
    start = {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]}

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(start)
        await send({"type": "http.response.body", "body": b""})

    registry = CollectorRegistry()
    served = AccessLogMiddleware(app, "test", SystemClock(), None, HTTPMetrics(registry))
    for _ in range(2):
        _, headers, _ = await ask(served, "/")
        assert set(headers) == {b"a", b"x-request-id"}
    assert start["headers"] == [(b"a", b"b")]


async def test_what_a_service_counts_itself_is_routed_around_the_log() -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await Response(200).send(send)

    registry = CollectorRegistry()
    logged = AccessLogMiddleware(app, "test", SystemClock(), None, HTTPMetrics(registry))
    served = Router({"/hot": app}, logged)
    assert b"x-request-id" not in (await ask(served, "/hot/path"))[1]
    assert b"x-request-id" in (await ask(served, "/other"))[1]
    labels = {"service": "test", "route": "other", "method": "GET", "status": "200"}
    assert registry.get_sample_value("newel_http_requests_total", labels) == 1


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("abc", "abc."),
        ("550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000."),
        ("a" * 64, "a" * 64 + "."),
        ("a" * 65, ""),
        ('x","action":"revoke', ""),
        ("a b", ""),
        ("\x1b[2J", ""),
        ("", ""),
    ],
)
def test_a_clients_request_id_never_is_the_whole_of_ours(given: str, kept: str) -> None:
    first, second = enter_foreign_request(given), enter_foreign_request(given)
    assert first != second
    for each in (first, second):
        assert each.startswith(kept)
        assert re.fullmatch(r"[0-9a-f]{16,32}", each.removeprefix(kept))
