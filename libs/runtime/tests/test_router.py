"""Which app a path belongs to."""

from typing import Any

import pytest

from newel.runtime.http.router import LazyApp, Router


def record_as(name: str, calls: list[str]) -> Any:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        calls.append(name)

    return app


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/crl", "crl"),
        ("/crl/", "crl"),
        ("/crl/a", "crl"),
        ("/crl/deep", "deep"),
        ("/crl/deep/a", "deep"),
        ("/crl/deeper", "crl"),
        ("/crls", "default"),
        ("/crl\n", "default"),
        ("//crl", "default"),
        ("/acme", "default"),
        ("/acme/", "acme"),
        ("/2.0/acme/x/directory", "acme"),
        ("/2.0/sign", "default"),
        ("/", "default"),
        ("", "default"),
    ],
)
async def test_a_prefix_is_whole_segments(path: str, name: str) -> None:
    calls: list[str] = []
    acme = record_as("acme", calls)
    router = Router(
        {"/crl": record_as("crl", calls), "/acme/": acme, "/2.0/acme/": acme},
        record_as("default", calls),
    )
    router = Router({"/crl/deep": record_as("deep", calls)}, router)
    await router({"type": "http", "path": path}, None, None)  # pyright: ignore[reportArgumentType]
    await Router({}, router)({"type": "http", "path": path}, None, None)  # pyright: ignore[reportArgumentType]
    assert calls == [name, name]


async def test_a_lazy_app_is_built_once() -> None:
    calls: list[str] = []
    builds: list[int] = []

    def build() -> Any:
        builds.append(1)
        return record_as("built", calls)

    app = LazyApp(build)
    assert builds == []
    for _ in range(2):
        await app({"type": "http", "path": "/"}, None, None)  # pyright: ignore[reportArgumentType]
    assert (calls, builds) == (["built", "built"], [1])
