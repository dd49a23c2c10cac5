"""A split service as a process of its own: configured, listening, serving, draining."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import grpc
import pytest

from fixtures.pki import InternalPki
from fixtures.processes import free_block, free_port, wait_until
from newel.proto.signer.v1 import signer_pb2, signer_pb2_grpc

PROGRAM = textwrap.dedent("""
    import asyncio, os, sys
    from newel.proto.signer.v1 import signer_pb2, signer_pb2_grpc
    from newel.runtime.config import Config
    from newel.runtime.database.contract import Statement, Write
    from newel.runtime.process.main import main
    from newel.runtime.service import RPCService, Service

    class Settings(Config):
        greeting: str

    class Signer(signer_pb2_grpc.CertificateSignerServicer):
        async def SignCertificate(self, request, context):
            return signer_pb2.SignResponse(
                signatures=[signer_pb2.Signature(signature=s.body) for s in request.statements]
            )
        async def SignSSHCertificate(self, request, context):
            raise RuntimeError("secret")

    def assemble(config, context):
        audit = context.audit()

        async def app(scope, receive, send):
            if scope["path"] == "/slow":
                await asyncio.sleep(1)
            audit.record("greet", "granted", path=scope["path"])
            body = f"{config.greeting} {os.getpid()}".encode()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": body})

        add = signer_pb2_grpc.add_CertificateSignerServicer_to_server
        rpc = RPCService("newel.signer.v1.CertificateSigner", add, Signer(), ("issuing",))
        return Service("greeter", rpcs=(rpc,), web={"http": app})

    sys.exit(main("greeter", Settings, assemble))
""")


class Program:
    """The program above, its configuration and its addresses."""

    def __init__(self, folder: Path, pki: InternalPki) -> None:
        self.folder = folder
        self.http, self.grpc = free_port(), free_port()
        self.health = free_block(2)  # a second worker's is the next one
        self.audit = folder / "audit.jsonl"
        self.pki = pki
        self.tls = pki.files("greeter")
        (folder / "program.py").write_text(PROGRAM)
        self.configure('greeting = "hello"')

    def configure(self, own: str, workers: int = 1) -> None:
        (self.folder / "greeter.toml").write_text(
            textwrap.dedent(f"""
            {own}
            [runtime]
            grpc = "127.0.0.1:{self.grpc}"
            health = "127.0.0.1:{self.health}"
            audit_file = "{self.audit}"
            workers = {workers}
            [runtime.tls]
            certificate = "{self.tls.certificate}"
            key = "{self.tls.key}"
            roots = "{self.tls.roots}"
            [runtime.listen.http]
            address = "127.0.0.1:{self.http}"
            """)
        )

    @property
    def command(self) -> Sequence[str]:
        program, config = self.folder / "program.py", self.folder / "greeter.toml"
        return [sys.executable, str(program), "--config", str(config)]

    def get(self, path: str, port: int | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port or self.http, timeout=10)
        try:
            connection.request("GET", path, headers={"X-Request-Id": "walk-5"})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def is_ready(self, port: int | None = None) -> bool:
        try:
            return self.get("/readyz", port or self.health)[0] == 200
        except OSError:
            return False


@pytest.fixture
def program(tmp_path: Path, internal_pki: InternalPki) -> Program:
    return Program(tmp_path, internal_pki)


Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(program: Program) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def begin() -> "subprocess.Popen[bytes]":
        log = (program.folder / "log").open("wb")
        started.append(subprocess.Popen(program.command, stderr=log, stdout=log))
        wait_until(program.is_ready, "the service is ready")
        return started[-1]

    yield begin
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def test_it_serves_and_drains(program: Program, start: Start) -> None:
    process = start()
    assert program.get("/")[1] == f"hello {process.pid}".encode()
    credentials = program.pki.files("issuing").channel_credentials()
    options = (("grpc.ssl_target_name_override", "greeter"),)
    with grpc.secure_channel(f"127.0.0.1:{program.grpc}", credentials, options) as channel:
        stub = signer_pb2_grpc.CertificateSignerStub(channel)
        request = signer_pb2.SignRequest(statements=[signer_pb2.Statement(body=b"tbs")])
        assert stub.SignCertificate(request).signatures[0].signature == b"tbs"
    slow = http.client.HTTPConnection("127.0.0.1", program.http, timeout=10)
    slow.request("GET", "/slow")
    time.sleep(0.3)
    process.terminate()
    assert slow.getresponse().read() == f"hello {process.pid}".encode()
    slow.close()
    assert process.wait(20) == 0


def test_what_it_does_is_counted_logged_and_audited(program: Program, start: Start) -> None:
    process = start()
    program.get("/some/path")
    status, text = program.get("/metrics", program.health)
    assert status == 200
    assert b'newel_http_requests_total{method="GET"' in text
    assert b"process_cpu_seconds_total" in text
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    audited = [json.loads(line) for line in program.audit.read_text().splitlines()]
    assert audited[0]["request_id"].startswith("walk-5.")
    assert audited[0]["service"] == "greeter"
    lines = [json.loads(line) for line in (program.folder / "log").read_text().splitlines()]
    access = next(line for line in lines if line["logger"] == "access")
    assert (access["path"], access["status"]) == ("/some/path", 200)
    assert access["request_id"] == audited[0]["request_id"]


def test_a_wrong_configuration_is_named(program: Program) -> None:
    program.configure("salutation = 1")
    result = subprocess.run(program.command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "greeter.toml" in result.stderr
    assert "greeting" in result.stderr
    assert "salutation" in result.stderr
    assert "Traceback" not in result.stderr


def test_refused_peers_are_no_setting_of_a_service_that_no_one_calls(program: Program) -> None:
    file = program.folder / "program.py"
    file.write_text(PROGRAM.replace("rpcs=(rpc,), ", ""))
    toml = program.folder / "greeter.toml"
    roots = f'roots = "{program.tls.roots}"'
    assert toml.read_text().count(roots) == 1
    toml.write_text(
        toml.read_text().replace(roots, f'{roots}\nrefused = "{program.folder}/refused"')
    )
    result = subprocess.run(
        program.command, capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 2
    assert "[runtime.tls] refused: this service is not called" in result.stderr


def test_a_taken_address_is_named(program: Program, start: Start) -> None:
    start()
    result = subprocess.run(program.command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert f"127.0.0.1:{program.health}" in result.stderr


def test_a_worker_that_dies_is_replaced(program: Program, start: Start) -> None:
    program.configure('greeting = "hello"', workers=2)
    process = start()
    wait_until(lambda: program.is_ready(program.health + 1), "the second worker is ready")

    def workers() -> set[int]:
        return {int(program.get("/")[1].split()[1]) for _ in range(20)}

    wait_until(lambda: len(workers()) == 2, "both workers answer")
    before = workers()
    os.kill(min(before), signal.SIGKILL)
    wait_until(lambda: _both_again(program, min(before)), "the worker is replaced")
    process.terminate()
    assert process.wait(30) == 0
    assert not any(_runs(worker) for worker in before)


def test_workers_end_with_the_process_that_started_them(program: Program, start: Start) -> None:
    program.configure('greeting = "hello"', workers=2)
    process = start()
    wait_until(lambda: program.is_ready(program.health + 1), "the second worker is ready")
    wait_until(lambda: len(_workers(program)) == 2, "both workers answer")
    workers = _workers(program)
    process.kill()
    process.wait(10)
    wait_until(lambda: not any(_runs(worker) for worker in workers), "the workers have ended", 40)
    start()
    assert not _workers(program) & workers


def test_workers_are_not_started_beside_those_of_another(program: Program, start: Start) -> None:
    program.configure('greeting = "hello"', workers=2)
    start()
    result = subprocess.run(
        program.command, capture_output=True, text=True, check=False, timeout=30
    )
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert f"127.0.0.1:{program.http}" in line


def test_the_service_manager_hears_of_workers_when_all_are_ready(program: Program) -> None:
    program.configure('greeting = "hello"', workers=2)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(program.folder / "notify"))
        manager.settimeout(60)
        process = subprocess.Popen(
            program.command, env={**os.environ, "NOTIFY_SOCKET": str(program.folder / "notify")}
        )
        try:
            assert manager.recv(4096) == b"READY=1"
            assert program.is_ready()
            assert program.is_ready(program.health + 1)
            process.send_signal(signal.SIGHUP)
            assert manager.recv(4096).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert manager.recv(4096) == b"READY=1"
            process.terminate()
            assert manager.recv(4096) == b"STOPPING=1"
        finally:
            process.terminate()
            assert process.wait(30) == 0


def _workers(program: Program) -> set[int]:
    return {int(program.get("/")[1].split()[1]) for _ in range(20)}


def _both_again(program: Program, dead: int) -> bool:
    try:
        seen = {int(program.get("/")[1].split()[1]) for _ in range(20)}
    except OSError:
        return False
    return len(seen) == 2 and dead not in seen


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
