"""Interfaces in other processes: what is sent on, what comes back, and what is no answer."""

import os
from pathlib import Path

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from fixtures.listeners import run_listener
from fixtures.pki import InternalPki
from fixtures.processes import free_port
from newel.dashboard.interfaces import Caller, Interfaces
from newel.dashboard.readiness import Readiness
from newel.dashboard.remote import RemoteApp
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.tls.server import ServerTLS

pytestmark = pytest.mark.network

ADA = Caller(b"certificate", ("192.0.2.1", 1), {"inventory": "i.n.v", "alerting": "a.l.e"})
NO_ONE = Caller(None, None)


async def tell(request: Request) -> Response:
    """Answer with what was received."""
    told = {
        "method": request.method,
        "path": request.url.path,
        "query": request.url.query,
        "body": (await request.body()).decode(),
        "type": request.headers.get("content-type"),
        "authorization": request.headers.get("authorization"),
        "cookie": request.headers.get("cookie"),
    }
    return JSONResponse(told, headers={"Set-Cookie": "a=b", "Content-Disposition": "attachment"})


async def lead_away(_: Request) -> Response:
    return Response(status_code=307, headers={"Location": "http://192.0.2.9/"})


async def answer_much(_: Request) -> Response:
    return StreamingResponse(iter([bytes(1024 * 1024)] * 6))


ROUTES = [
    Route("/inventory/{rest:path}", tell, methods=["GET", "POST"]),
    Route("/alerts", tell),
    Route("/roots", tell),
    Route("/away", lead_away),
    Route("/much", answer_much),
]


async def test_a_request_is_sent_on_with_the_delegation_of_its_interface_alone() -> None:
    async with run_listener(Starlette(routes=ROUTES)) as port:
        app = RemoteApp("inventory", f"http://127.0.0.1:{port}")
        interfaces = Interfaces(app)
        told = await interfaces.read(ADA, "/inventory/a b/c", {"search": "x&y"})
        assert (told["path"], told["query"]) == ("/inventory/a b/c", "search=x%26y")
        assert told["authorization"] == "Bearer i.n.v"
        assert told["cookie"] is None
        posted = await interfaces.post(ADA, "/inventory/x", {"note": "é"})
        assert (posted["method"], posted["type"]) == ("POST", "application/json")
        assert msgspec.json.decode(posted["body"]) == {"note": "é"}
        assert (await interfaces.read(ADA, "/alerts"))["authorization"] == "Bearer a.l.e"
        assert (await interfaces.read(ADA, "/roots"))["authorization"] is None
        status, _ = await interfaces.call(NO_ONE, "GET", "/away")
        assert status == 307, "a redirect is not followed"
        with pytest.raises(NewelError, match="answered too much"):
            await interfaces.fetch(NO_ONE, "/much")
        assert (await interfaces.read(ADA, "/alerts"))["method"] == "GET", "and it goes on"
        await app.close()


async def test_a_download_hands_back_its_name_and_no_cookie() -> None:
    started: list[tuple[bytes, bytes]] = []

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            headers = message["headers"]
            assert isinstance(headers, list)
            started.extend(headers)

    async with run_listener(Starlette(routes=ROUTES)) as port:
        app = RemoteApp("inventory", f"http://127.0.0.1:{port}")
        await Interfaces(app).forward(ADA, "/inventory/x", "", send)  # pyright: ignore[reportArgumentType] - a narrower message
        await app.close()
    assert {name for name, _ in started} == {b"content-type", b"content-disposition"}


async def test_a_part_that_is_away_is_unavailable() -> None:
    app = RemoteApp("inventory", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(NewelError) as caught:
        await Interfaces(app).read(ADA, "/inventory/overview")
    assert caught.value.type is ErrorType.UNAVAILABLE
    assert "The inventory could not be reached" in caught.value.detail
    await app.close()


async def test_roots_that_change_are_taken_up(internal_pki: InternalPki, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    files, other = (
        internal_pki.files("inventory", "localhost"),
        InternalPki(tmp_path / "other", "other root"),
    )
    tls = ServerTLS(asks_clients=False)
    tls.present(files.certificate.read_bytes(), files.key.read_bytes())
    roots = tmp_path / "roots.pem"
    roots.write_bytes(internal_pki.roots.read_bytes())
    async with run_listener(Starlette(routes=ROUTES), tls=tls) as port:
        app = RemoteApp("inventory", f"https://localhost:{port}", roots)
        assert (await Interfaces(app).read(ADA, "/alerts"))["method"] == "GET"
        roots.write_bytes(other.roots.read_bytes())
        os.utime(roots, ns=(1, 1))
        with pytest.raises(NewelError, match="could not be reached"):
            await Interfaces(app).read(ADA, "/alerts")
        roots.write_bytes(other.roots.read_bytes() + internal_pki.roots.read_bytes())
        assert (await Interfaces(app).read(ADA, "/alerts"))["method"] == "GET"
        roots.unlink()
        with pytest.raises(NewelError, match="could not be reached"):
            await Interfaces(app).read(ADA, "/alerts")
        await app.close()


async def test_roots_that_are_spoilt_end_no_connection(
    internal_pki: InternalPki, tmp_path: Path
) -> None:
    files = internal_pki.files("inventory", "localhost")
    tls = ServerTLS(asks_clients=False)
    tls.present(files.certificate.read_bytes(), files.key.read_bytes())
    roots = tmp_path / "roots.pem"
    roots.write_bytes(internal_pki.roots.read_bytes())
    async with run_listener(Starlette(routes=ROUTES), tls=tls) as port:
        app = RemoteApp("inventory", f"https://localhost:{port}", roots)
        await Interfaces(app).read(ADA, "/alerts")
        answering = app._client  # which an earlier request may still read from  # pyright: ignore[reportPrivateUsage] - what is closed is seen by no answer
        assert answering is not None
        roots.write_text("spoilt")
        with pytest.raises(NewelError, match="could not be reached"):
            await Interfaces(app).read(ADA, "/alerts")
        roots.write_bytes(internal_pki.roots.read_bytes())
        os.utime(roots, ns=(1, 1))
        await Interfaces(app).read(ADA, "/alerts")
        assert not answering.is_closed
        await app.close()


async def ready(_: Request) -> Response:
    return Response("ok")


async def not_ready(_: Request) -> Response:
    return JSONResponse({"missing": {"audit trail": "the disk is full"}}, 503)


async def test_the_authority_is_as_ready_as_its_parts() -> None:
    good = Starlette(routes=[Route("/health", ready), Route("/readyz", ready)])
    bad = Starlette(routes=[Route("/readyz", not_ready)])
    async with run_listener(good) as first, run_listener(bad) as second:
        one, other = (RemoteApp("part", f"http://127.0.0.1:{port}") for port in (first, second))
        away = RemoteApp("validation", f"http://127.0.0.1:{free_port()}")
        whole = Interfaces(Readiness(one, {"inventory": one}))
        assert (await whole.call(NO_ONE, "GET", "/readyz"))[0] == 200
        lacking = Interfaces(Readiness(one, {"alerting": other, "validation": away}))
        status, body = await lacking.call(NO_ONE, "GET", "/readyz")
        assert status == 503
        assert msgspec.json.decode(body)["missing"] == {
            "alerting: audit trail": "the disk is full",
            "validation": "The validation could not be reached.",
        }
        for each in (one, other, away):
            await each.close()
