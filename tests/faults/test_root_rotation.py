"""A root is replaced by the next one while a hundred clients shake hands: none fails, whichever root it trusts."""

import json
import os
import socket
import ssl
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from fixtures.processes import free_port
from fixtures.running import NEWEL, Authority, run, serve_newel, wait_until
from newel.client.identity import Identity

pytestmark = pytest.mark.needs("step", "openssl")

STORE = '{{ kind = "file", path = "{0}/{1}.key", password_file = "{0}/password" }}'
FIRST = """
record = "{0}/first.json"

[[certificates]]
name = "root"
role = "root"
path_length = 2
subject = {{ common_name = "Elder Root" }}
certificate = "{0}/root.crt"
store = {1}
"""
NEXT = """
record = "{0}/next.json"

[[existing]]
name = "root"
certificate = "{0}/root.crt"
store = {1}

[[certificates]]
name = "root-2"
role = "root"
path_length = 2
subject = {{ common_name = "Younger Root" }}
certificate = "{0}/root-2.crt"
store = {2}

[[certificates]]
name = "intermediate-2"
role = "intermediate"
issuer = "root-2"
subject = {{ common_name = "Younger Intermediate" }}
certificate = "{0}/intermediate-2.crt"
store = {3}

[[cross_certificates]]
name = "cross"
of = "root-2"
issuer = "root"
certificate = "{0}/cross.crt"
"""
PAUSE = 0.5  # seconds between two handshakes of a client


class Fleet:
    """Clients that shake hands with services again and again, and what became of it."""

    def __init__(self) -> None:
        self.step = ""
        self.counts: Counter[tuple[str, str]] = Counter()
        self.failures: list[str] = []
        self.ended: set[str] = set()
        """Kinds that have ended: each finishes the handshake that it is in."""
        self._stop = threading.Event()
        self._threads: list[tuple[str, threading.Thread]] = []

    def add(self, kind: str, number: int, port: int, trust: Callable[[], ssl.SSLContext]) -> None:
        """Start so many clients of one kind."""
        for _ in range(number):
            thread = threading.Thread(target=self._run, args=(kind, port, trust), daemon=True)
            thread.start()
            self._threads.append((kind, thread))

    def wait_for_each(self, step: str, *kinds: str) -> None:
        """Call what happens from now on ``step``, and wait until every kind has shaken hands in it."""
        self.step = step
        wait_until(
            lambda: self.failures or all(self.counts[step, kind] > 60 for kind in kinds),
            seconds=120,
        )
        assert self.failures == []

    def end(self, kind: str) -> None:
        """Let the clients of one kind go."""
        self.ended.add(kind)
        for own, thread in self._threads:
            if own == kind:
                thread.join(60)

    def stop(self) -> None:
        self._stop.set()
        for _, thread in self._threads:
            thread.join(60)

    def _run(self, kind: str, port: int, trust: Callable[[], ssl.SSLContext]) -> None:
        while not self._stop.wait(PAUSE) and kind not in self.ended:
            step = self.step
            try:
                with (
                    socket.create_connection(("127.0.0.1", port), 60) as plain,
                    trust().wrap_socket(plain, server_hostname="localhost"),
                ):
                    self.counts[step, kind] += 1
            except OSError as error:  # ssl.SSLError is one
                self.failures.append(f"{step}: {kind}: {error}")


@contextmanager
def serve(context: Callable[[], ssl.SSLContext]) -> Generator[int]:
    """A TLS server that begins each connection with what ``context`` is then; its port."""

    def greet(plain: socket.socket) -> None:
        with suppress(OSError), plain, context().wrap_socket(plain, server_side=True) as shaken:
            shaken.recv(1)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=greet, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


class Rotation:
    """An authority under the first of two roots, and its files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        self.password = folder / "password"
        self.password.write_text("correct horse")
        self.password.chmod(0o600)
        self.ports = free_port(), free_port()
        self.env = {**os.environ, "STEPPATH": str(self.state)}
        self.hold(FIRST, "root")
        self.newel(
            "ca", "init", "--name", "Elder", "--dns", "localhost", "--address", f":{self.ports[0]}",
            "--provisioner", "admin", "--deployment-type", "standalone",
            "--password-file", str(self.password), "--root", str(folder / "root.crt"),
            "--key", str(folder / "root.key"), "--key-password-file", str(self.password),
        )  # fmt: skip # a command line

    def newel(self, *words: str) -> str:
        return run([NEWEL, *words], env=self.env, stdin=subprocess.DEVNULL).stdout

    def hold(self, plan: str, *keys: str) -> None:
        """Hold a ceremony."""
        file = self.folder / "plan.toml"
        stores = [STORE.format(self.folder, key) for key in keys]
        file.write_text(plan.format(self.folder, *stores))
        self.newel("ceremony", str(file))

    def serve(self) -> Any:
        return serve_newel(self.state, *self.ports, "--password-file", str(self.password))

    def change(self, **members: Any) -> None:
        """Change members of ca.json, for the next start."""
        file = self.state / "config/ca.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **members}))

    def read(self, member: str) -> Any:
        return json.loads((self.state / "config/ca.json").read_text())[member]

    def certificate(self, authority: Authority) -> tuple[Path, Path]:
        files = self.folder / "svc.crt", self.folder / "svc.key"
        who = [
            "--provisioner",
            "admin",
            "--password-file",
            str(self.password),
            "--not-after",
            "10m",
        ]
        done = authority.step("ca", "certificate", "localhost", *map(str, files), *who)
        assert done.returncode == 0, done.stderr
        return files

    @contextmanager
    def renew(self, files: tuple[Path, Path], roots: Path) -> Generator[None]:
        """Keep the certificate and the file of roots by the daemon."""
        where = [
            "--ca-url",
            f"https://localhost:{self.ports[0]}",
            "--root",
            str(roots),
        ]
        with (self.folder / "daemon.log").open("wb") as log:
            daemon = subprocess.Popen(
                [
                    NEWEL, "ca", "renew", *map(str, files), "--force", "--daemon", "--renew-period", "2s",
                    "--roots-file", str(roots), *where,
                ],
                stdout=log, stderr=log, env=self.env,
            )  # fmt: skip # a command line
        try:
            yield
        finally:
            daemon.terminate()
            daemon.wait(20)


def names(file: Path) -> set[str]:
    """The common names of a file of certificates."""
    if not file.exists():
        return set()
    found = x509.load_pem_x509_certificates(file.read_bytes())
    return {each.subject.rfc4514_string().removeprefix("CN=") for each in found}


def open_files(certificate: Path, key: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    return made


def trust_file(file: Path) -> Callable[[], ssl.SSLContext]:
    return lambda: ssl.create_default_context(cafile=file)


def test_no_handshake_fails_while_the_root_is_replaced(tmp_path: Path) -> None:
    rotation, fleet = Rotation(tmp_path), Fleet()
    old, new, kept = (tmp_path / name for name in ("root.crt", "root-2.crt", "kept.pem"))
    kept.write_bytes(old.read_bytes())
    everyone = ("old", "kept", "sdk")
    with rotation.serve() as (authority, _):
        files = rotation.certificate(authority)
        sdk = Identity.from_password(
            authority.url, "admin", "correct horse", ["localhost"], root=old.read_text()
        )
    server, client = sdk.server_context(require_client=False), sdk.client_context()
    with (
        serve(lambda: open_files(*files)) as of_files,
        serve(lambda: server) as of_sdk,
        rotation.renew(files, kept),
    ):
        for port in (of_files, of_sdk):
            fleet.add("old", 15, port, trust_file(old))
            fleet.add("kept", 20, port, trust_file(kept))
            fleet.add("sdk", 5, port, lambda: client)
        with rotation.serve():
            fleet.wait_for_each("before", *everyone)
        rotation.hold(NEXT, "root", "root-2", "intermediate-2")
        rotation.change(root=[str(old), str(new)])
        with rotation.serve():
            wait_until(lambda: names(kept) == {"Elder Root", "Younger Root"}, seconds=60)
            sdk.renew()
            assert sdk.root.count("BEGIN CERTIFICATE") == 2
            fleet.wait_for_each("both roots are known", *everyone)
        chain = tmp_path / "chain.crt"
        parts = (tmp_path / "intermediate-2.crt", tmp_path / "cross.crt")
        chain.write_bytes(b"".join(each.read_bytes() for each in parts))
        former = {"crt": rotation.read("crt"), "key": rotation.read("key")}
        rotation.change(
            crt=str(chain),
            key=str(tmp_path / "intermediate-2.key"),
            newel={"formerIssuers": [former]},
        )
        with rotation.serve() as (authority, _):
            wait_until(lambda: "Younger Intermediate" in names(files[0]), seconds=60)
            assert "Younger Root" in names(files[0])  # the cross-certificate
            sdk.renew()
            for port in (of_files, of_sdk):
                fleet.add("new", 10, port, trust_file(new))
            fleet.wait_for_each("the new one issues", *everyone, "new")
            for root in (old, new):  # the authority's own door, by the original
                done = authority.step("ca", "health", "--root", str(root))
                assert done.stdout == "ok\n", done.stderr
        fleet.end("old")  # who trusts the old root alone, until the day that it is given up
        alone = str(tmp_path / "intermediate-2.crt")
        (rotation.state / "certs/root_ca.crt").write_bytes(new.read_bytes())
        rotation.change(root=[str(new)], crt=alone, newel={"formerIssuers": []})
        with rotation.serve():
            wait_until(lambda: "Younger Root" not in names(files[0]), seconds=60)
            wait_until(lambda: names(kept) == {"Younger Root"}, seconds=60)
            fleet.wait_for_each("the old one is given up", "kept", "sdk", "new")
        fleet.stop()
    assert fleet.failures == []
