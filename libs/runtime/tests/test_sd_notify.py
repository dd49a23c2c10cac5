"""What the service manager is told: READY once listening, RELOADING, STOPPING."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from newel.runtime.config import ConfigError
from newel.runtime.health import Health
from newel.runtime.http.listener import Listener, bind
from newel.runtime.process import sd_notify
from newel.runtime.process.runner import Process


@pytest.fixture(params=["path", "abstract"])
def manager(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """A manager's socket, which is named in the environment."""
    name = f"newel-test-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0{name}" if request.param == "abstract" else name)
        sock.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}" if request.param == "abstract" else name)
        yield sock


async def test_a_process_says_when_it_serves_reloads_and_stops(
    manager: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    async def reload() -> None:
        raise ConfigError("ca.json: half written")

    async def read_states() -> str:
        return (await asyncio.to_thread(manager.recv, 4096)).decode()

    health = Health({}, [])
    listener = Listener(health, bind("127.0.0.1:0"))
    process = Process([], [listener], health, CollectorRegistry(), reload=reload)
    running = asyncio.get_running_loop().create_task(process.run())
    assert await read_states() == "READY=1"
    assert listener.started
    os.kill(os.getpid(), signal.SIGHUP)
    assert (await read_states()).startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert await read_states() == "READY=1"
    assert (
        "not reloaded: ca.json: half written; continuing with the previous configuration"
        in caplog.text
    )
    assert "Traceback" not in caplog.text
    os.kill(os.getpid(), signal.SIGTERM)
    assert await read_states() == "STOPPING=1"
    await asyncio.wait_for(running, 10)


def test_without_a_manager_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    sd_notify.notify(sd_notify.READY)


def test_a_manager_that_is_gone_harms_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    sd_notify.notify(sd_notify.READY)
    assert "could not be notified of" in caplog.text
