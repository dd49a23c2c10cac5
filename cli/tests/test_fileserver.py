"""fileserver, asked by curl: HTTP, HTTPS, mutual TLS, and a certificate that changes while it runs."""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from fixtures.running import NEWEL, run, wait_until

pytestmark = pytest.mark.needs("curl")


@contextlib.contextmanager
def server(folder: Path, *flags: str) -> Generator[tuple[int, int]]:
    """Its port and process id."""
    (folder / "public").mkdir(exist_ok=True)
    (folder / "public/a.txt").write_text("here\n")
    command = [NEWEL, "fileserver", "public", "--address", "127.0.0.1:0", *flags]
    environment = {**os.environ, "STEPPATH": str(folder)}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            match = re.fullmatch(
                r"serving HTTPS? at 127\.0\.0\.1:(\d+)\n", process.stderr.readline()
            )
            assert match
            yield int(match[1]), process.pid
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0


def curl(folder: Path, port: int, *flags: str) -> subprocess.CompletedProcess[str]:
    where = ["--resolve", f"a.internal:{port}:127.0.0.1", f"https://a.internal:{port}/a.txt"]
    return subprocess.run(
        ["curl", "-sS", "--max-time", "10", *flags, *where],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip # a command line


def material(folder: Path) -> None:
    """A root, and a certificate for a.internal."""
    secret = ["--no-password", "--insecure", "--force"]
    run(
        [
            NEWEL,
            "certificate",
            "create",
            "Root",
            "root.crt",
            "root.key",
            "--profile",
            "root-ca",
            *secret,
        ],
        cwd=folder,
    )
    words = ["a.internal", "a.crt", "a.key", "--ca", "root.crt", "--ca-key", "root.key"]
    run([NEWEL, "certificate", "create", *words, *secret], cwd=folder)


def test_files_are_served_plainly(tmp_path: Path) -> None:
    with server(tmp_path, "--pidfile", "pid") as (port, pid):
        done = run(["curl", "-sS", f"http://127.0.0.1:{port}/a.txt"])
        assert done.stdout == "here\n"
        assert (tmp_path / "pid").read_text() == f"{pid}\n"


def test_only_clients_of_the_roots_are_served(tmp_path: Path) -> None:
    material(tmp_path)
    with server(tmp_path, "--cert", "a.crt", "--key", "a.key", "--roots", "root.crt") as (port, _):
        own = ("--cert", "a.crt", "--key", "a.key")
        assert curl(tmp_path, port, "--cacert", "root.crt", *own).stdout == "here\n"
        assert curl(tmp_path, port, "--cacert", "root.crt").returncode != 0


def test_a_signal_makes_it_read_its_certificate_again(tmp_path: Path) -> None:
    material(tmp_path)
    old = (tmp_path / "root.crt").read_bytes()
    with server(tmp_path, "--cert", "a.crt", "--key", "a.key") as (port, pid):
        assert curl(tmp_path, port, "--cacert", "root.crt").stdout == "here\n"
        material(tmp_path)
        assert (tmp_path / "root.crt").read_bytes() != old
        good = (tmp_path / "a.crt").read_bytes()
        (tmp_path / "a.crt").write_text("half a file")
        os.kill(pid, signal.SIGHUP)  # a bad moment to look: it goes on with what it has
        (tmp_path / "a.crt").write_bytes(good)
        os.kill(pid, signal.SIGHUP)
        wait_until(lambda: curl(tmp_path, port, "--cacert", "root.crt").stdout == "here\n")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--cert", "a.crt"], "flag '--cert' requires the '--key' flag"),
        (["--roots", "a.crt"], "flag '--roots' requires the '--cert' flag"),
        (
            ["--address", "here"],
            "error listening at here: listen tcp: address here: missing port in address",
        ),
        (["--cert", "a.crt", "--key", "a.key"], "open a.crt: no such file or directory"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_line(
    tmp_path: Path, flags: list[str], message: str
) -> None:
    done = subprocess.run(
        [NEWEL, "fileserver", ".", *flags],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, f"{message}\n")
