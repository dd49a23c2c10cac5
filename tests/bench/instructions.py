"""`python tests/bench/instructions.py`: instructions of user space for a `/sign` and a `/renew`.

The embedded authority in one process, driven by connections without sockets (``connections.py``), under
valgrind, which counts what is executed for a fixed number of operations: repeatable to a percent on a
machine of any load, where seconds of CPU are not. What the events make other services do is a figure of
its own (``renew-events``). TLS, the kernel and waiting have no part in it. ``--calls`` counts calls of
functions instead, ``--cpu`` seconds. A figure is read, never asserted.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import uvloop
from prometheus_client import CollectorRegistry

sys.path.insert(0, str(Path(__file__).parents[1]))

from connections import Connections

from fixtures.registration import request_for
from newel.crypto import pem
from newel.jose import jwe, jwk
from newel.runtime.background import Supervisor
from newel.runtime.clock import SystemClock
from newel.runtime.line_sink import LineSink
from newel.standalone.app import Standalone, build
from newel.standalone.first_start import create
from newel.standalone.layout import Layout
from newel.standalone.options import parse
from newel.standalone.process import COLLECT_AFTER
from newel.standalone.settings import read_settings
from newel.step import tokens

_WARM = 160
_CA = "https://localhost:9000"
_CLOCK = SystemClock()


def post(path: str, body: bytes = b"") -> bytes:
    """Return a request as the load generator sends it."""
    return (
        b"POST %s HTTP/1.1\r\nHost: localhost:9000\r\nUser-Agent: Go-http-client/1.1\r\n"
        b"Content-Length: %d\r\nContent-Type: application/json\r\nAccept-Encoding: gzip\r\n\r\n"
        % (path.encode(), len(body))
    ) + body


class Meter:
    """Counts what is executed between two moments: instructions under callgrind, else seconds of CPU."""

    def __init__(self, folder: Path | None, *, calls: bool) -> None:
        """``folder`` is where callgrind leaves its files; None without it."""
        self._folder = folder
        self._calls = calls
        self._called = 0
        self.seen: dict[str, float] = {}

    async def measure(self, name: str, work: Awaitable[None]) -> None:
        """Do a piece of work and note what it took."""
        if self._folder is not None:
            _control("--instr=on")
            await work
            _control("--instr=off")
            _control(f"--dump={name}")
            self.seen[name] = sum(map(_total_of(name), self._folder.glob("callgrind.out.*")))
            return
        before, used = self._called, _cpu()
        if self._calls:
            sys.setprofile(self._note)
        await work
        sys.setprofile(None)
        self.seen[name] = self._called - before if self._calls else _cpu() - used

    def _note(self, _frame: object, event: str, _argument: object) -> None:
        if event in {"call", "c_call"}:
            self._called += 1


def _control(action: str) -> None:
    """Tell the valgrind that runs this process; it does so before this returns."""
    subprocess.run(["callgrind_control", action, str(os.getpid())], check=True, capture_output=True)


def _total_of(name: str) -> Callable[[Path], int]:
    """Return what reads the total of a file, 0 for one that was not made for this name."""

    def read(file: Path) -> int:
        lines = file.read_text().splitlines()
        if f"desc: Trigger: dump {name}" not in lines:
            return 0
        return sum(int(line.split()[1]) for line in lines if line.startswith("totals:"))

    return read


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Bench:
    """One authority in this process, and what is asked of it."""

    def __init__(self, built: Standalone, layout: Layout, clients: int) -> None:
        self._built = built
        self._layout = layout
        self._clients = clients
        record = json.loads(layout.ca_json.read_text())["authority"]["provisioners"][0]
        password = layout.password.read_text().strip().encode()
        plain = jwe.decrypt_with_password(record["encryptedKey"], password)
        self._kid = record["key"]["kid"]
        self._key = jwk.to_private_key(msgspec.json.decode(plain, type=jwk.JWK))
        self._csr = request_for("localhost")

    def sign_request(self) -> bytes:
        """Return a request to `/sign` with a new token."""
        token = tokens.make(
            self._key, kid=self._kid, issuer="admin", subject="localhost", now=_CLOCK.now(),
            audience=f"{_CA}/1.0/sign", sans=["localhost"],
        )  # fmt: skip # the claims of a token
        return post("/1.0/sign", json.dumps({"csr": self._csr, "ott": token}).encode())

    async def run(self, meter: Meter, operations: list[str], count: int) -> None:
        """Measure each operation, and what the events of it cost."""
        signing = Connections(self._built.https, self._clients)
        await signing.drive(iter([self.sign_request() for _ in range(_WARM)]))
        body = signing.first_answer.partition(b"\r\n\r\n")[2]
        leaf = pem.decode(json.loads(body)["crt"].encode())
        renewing = Connections(self._built.https, self._clients, leaf)
        await renewing.drive(iter([post("/1.0/renew")] * _WARM))
        await self._settle()
        for operation in operations:
            driven = signing if operation == "sign" else renewing
            requests = [
                self.sign_request() if operation == "sign" else post("/1.0/renew")
                for _ in range(count)
            ]
            await meter.measure(operation, driven.drive(iter(requests)))
            await meter.measure(f"{operation}-events", self._settle())

    async def _settle(self) -> None:
        """Have the other services take in what happened, and the ends of token uses stored."""
        supervisor = Supervisor(CollectorRegistry())
        for service in self._built.services:
            if service.name == "registration":
                for hook in service.stop:
                    await hook()
            if service.name == "events":
                supervisor.start(service.tasks, service.name)
        await asyncio.sleep(0)
        await self._wait_for_readers()
        await supervisor.stop()

    async def _wait_for_readers(self) -> None:
        behind = """SELECT count(*) = 0 OR min(position) < (SELECT max(id) FROM outbox)
            FROM outbox_cursors"""
        path = self._layout.state / "db/issuing.sqlite"
        with contextlib.closing(sqlite3.connect(path)) as connection:
            while connection.execute(behind).fetchone()[0]:
                await asyncio.sleep(0.25)


async def serve(arguments: argparse.Namespace, folder: Path) -> None:
    """Make an authority, measure it and print the figures."""
    state = folder / "state"
    layout = Layout(state)
    create(layout, parse(["--state", str(state), "--dns", "localhost"]), _CLOCK.now())
    log = LineSink.open(folder / "access.log")
    built = await build(read_settings(layout), _CLOCK, log, shared=False)
    for service in built.services:
        for hook in service.start:
            await hook()
    bench = Bench(built, layout, arguments.clients)
    meter = Meter(arguments.callgrind, calls=arguments.calls)
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    await bench.run(meter, arguments.operations.split(","), arguments.count)
    for name, total in meter.seen.items():
        print(f"{name} {total / arguments.count}", flush=True)
    os._exit(0)  # closing down under valgrind would take longer than what was measured


def main() -> None:
    """Read the arguments; run this program again under valgrind where it is on PATH."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=400, help="operations of each kind")
    parser.add_argument("--clients", type=int, default=8, help="connections at once")
    parser.add_argument("--operations", default="sign,renew")
    parser.add_argument("--calls", action="store_true", help="count calls of functions instead")
    parser.add_argument("--cpu", action="store_true", help="seconds of CPU instead")
    parser.add_argument("--callgrind", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="newel-bench-") as folder:
        if arguments.callgrind or arguments.calls or arguments.cpu or not shutil.which("valgrind"):
            uvloop.run(serve(arguments, Path(folder)))
        else:
            own = ["--callgrind", folder, *sys.argv[1:]]
            subprocess.run(
                ["valgrind", "--tool=callgrind", "--instr-atstart=no", "-q",
                 f"--callgrind-out-file={folder}/callgrind.out", sys.executable, __file__, *own],
                check=True, env={**os.environ, "PYTHONHASHSEED": "0"},
            )  # fmt: skip # a command line


if __name__ == "__main__":
    main()
