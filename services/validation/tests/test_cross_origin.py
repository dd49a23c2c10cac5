"""Scripts of other origins (the Fetch standard's CORS protocol): only those that the configuration names."""

import asyncio
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from fixtures.running import wait_until
from fixtures.validation import make_setup
from newel.runtime.clock import SystemClock
from newel.runtime.config import ConfigError, validate
from newel.runtime.http.listener import Listener, bind
from newel.validation.app import build
from newel.validation.config import HTTPConfig

ORIGIN = "https://app.example"


async def fetch_roots(
    folder: Path, origins: list[str], *requests: tuple[str, dict[str, str]]
) -> list[tuple[int, dict[str, str]]]:
    """Status and headers of /roots.pem, as a server with these origins sends them."""
    url = f"sqlite:///{folder / 'v.db'}"
    http = {"cross_origin": origins}
    around = await make_setup(folder, url, SystemClock(), http=http)
    service = build(around.config, around.ports)
    listener = Listener(service.web["http"], bind("127.0.0.1:0"))
    async with asyncio.TaskGroup() as group:
        group.create_task(listener.listen())
        try:
            port = listener.address[1]
            await asyncio.to_thread(wait_until, lambda: ask(port, "GET", {}))
            return [await asyncio.to_thread(ask, port, *request) for request in requests]
        finally:
            listener.stop()
            await around.database.close()


def ask(port: int, method: str, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/roots.pem", method=method, headers=headers
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        return error.code, {name.lower(): value for name, value in error.headers.items()}


PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type",
}


def allow_origin(answer: tuple[int, dict[str, str]]) -> Any:
    return answer[1].get("access-control-allow-origin")


async def test_no_origin_is_let_in_that_nobody_named(tmp_path: Path) -> None:
    plain, preflight = await fetch_roots(
        tmp_path, [], ("GET", {"Origin": ORIGIN}), ("OPTIONS", PREFLIGHT)
    )
    assert plain[0] == 200
    assert preflight[0] == 405
    for _, headers in (plain, preflight):
        assert not [name for name in headers if name.startswith("access-control")]


async def test_a_named_origin_may_read_and_another_may_not(tmp_path: Path) -> None:
    own, stranger, none, preflight, foreign = await fetch_roots(
        tmp_path,
        [ORIGIN],
        ("GET", {"Origin": ORIGIN}),
        ("GET", {"Origin": "https://evil.example"}),
        ("GET", {}),
        ("OPTIONS", PREFLIGHT),
        ("OPTIONS", {**PREFLIGHT, "Origin": "https://evil.example"}),
    )
    assert (own[0], allow_origin(own)) == (200, ORIGIN)
    assert own[1]["vary"] == "Origin"
    assert "access-control-allow-credentials" not in own[1]
    for other in (stranger, none):
        assert (other[0], allow_origin(other)) == (200, None)
    assert (preflight[0], allow_origin(preflight)) == (200, ORIGIN)
    assert "POST" in preflight[1]["access-control-allow-methods"]
    assert (foreign[0], allow_origin(foreign)) == (400, None)


async def test_every_origin_may_be_let_in(tmp_path: Path) -> None:
    first, second = await fetch_roots(tmp_path, ["*"], *[("GET", {"Origin": ORIGIN})] * 2)
    assert allow_origin(first) == allow_origin(second) == "*"


@pytest.mark.parametrize(
    "origins", [["app.example"], ["https://app.example/"], ["*", ORIGIN], [""]]
)
def test_what_is_no_origin_is_refused(origins: list[str]) -> None:
    with pytest.raises(ConfigError, match="cross_origin"):
        validate(HTTPConfig, {"cross_origin": origins}, "validation.toml")
