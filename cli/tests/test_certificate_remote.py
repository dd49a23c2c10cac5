"""certificate inspect and others on a server's certificates; the server is `newel fileserver`."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.offline import NEWEL, STEP, create
from fixtures.offline import run_line as run


def server(cwd: Path, flags: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A file server and its address."""
    words = [NEWEL, "fileserver", ".", "--address", "127.0.0.1:0", *flags.split()]
    with subprocess.Popen(words, cwd=cwd, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said.startswith("serving HTTP"), said
        yield process, said.rpartition(" ")[2].strip()
        process.terminate()
        assert process.wait(10) == 0


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root, an intermediate, a server's and a client's certificate."""
    cwd = tmp_path_factory.mktemp("remote")
    middle = "--ca middle.crt --ca-key middle.key --bundle"
    create(
        cwd,
        "Root root.crt root.key --profile root-ca",
        "Other other.crt other.key --profile root-ca",
        "Middle middle.crt middle.key --profile intermediate-ca --ca root.crt --ca-key root.key",
        f"localhost server.crt server.key {middle} --san localhost --san 127.0.0.1",
        f"localhost next.crt next.key {middle} --san localhost --san 127.0.0.1",
        f"client client.crt client.key {middle}",
    )
    (cwd / "hello.txt").write_text("hello\n")
    return cwd


@pytest.fixture
def https(home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    yield from server(home, "--cert server.crt --key server.key --pidfile pid")


@pytest.mark.needs("step")
def test_a_servers_certificates_are_read_like_files(
    home: Path, https: tuple[subprocess.Popen[str], str]
) -> None:
    url = f"https://{https[1]}"
    for line in (
        f"inspect {url} --roots root.crt",
        f"inspect {url} --roots root.crt --bundle --short",
        f"inspect {url} --insecure --format pem --bundle",
        f"inspect {url} --roots root.crt --servername localhost --short",
        f"fingerprint {url} --roots root.crt --bundle",
        f"verify {url} --roots root.crt",
        f"needs-renewal {url} --roots root.crt --expires-in 30h -v",
    ):
        ours, theirs = (run(program, f"certificate {line}", home) for program in (NEWEL, STEP))
        assert (ours.returncode, ours.stdout, ours.stderr) == (
            theirs.returncode,
            theirs.stdout,
            theirs.stderr,
        ), line


@pytest.mark.needs("step")
def test_a_server_nobody_vouches_for_is_refused(
    home: Path, https: tuple[subprocess.Popen[str], str]
) -> None:
    url = f"https://{https[1]}"
    for line in (
        f"inspect {url}",
        f"inspect {url} --roots other.crt",
        f"inspect {url} --roots root.crt --servername example.com",
        f"needs-renewal {url} --roots other.crt",
        "inspect https://127.0.0.1:1/",
    ):
        ours, theirs = (run(program, f"certificate {line}", home) for program in (NEWEL, STEP))
        assert (ours.returncode, ours.stdout) == (theirs.returncode, ""), line
        assert ours.stderr.startswith("failed to connect: ")


def test_the_file_server_changes_its_certificate_on_a_signal(
    home: Path, https: tuple[subprocess.Popen[str], str]
) -> None:
    process, address = https
    line = f"certificate fingerprint https://{address} --roots root.crt"
    before = run(NEWEL, line, home).stdout
    assert (home / "pid").read_text() == f"{process.pid}\n"
    for kind in ("crt", "key"):
        (home / f"server.{kind}").write_bytes((home / f"next.{kind}").read_bytes())
    process.send_signal(signal.SIGHUP)
    after = run(NEWEL, line, home).stdout
    assert before != after == run(NEWEL, "certificate fingerprint next.crt", home).stdout


@pytest.mark.needs("curl")
def test_the_file_server_asks_for_a_clients_certificate(home: Path) -> None:
    for _, address in server(home, "--cert server.crt --key server.key --roots root.crt"):
        curl = f"curl -sS --cacert root.crt https://{address}/hello.txt".split()
        without = subprocess.run(curl, cwd=home, capture_output=True, text=True, check=False)
        assert without.returncode != 0
        identity = ["--cert", "client.crt", "--key", "client.key"]
        served = subprocess.run(
            [*curl, *identity], cwd=home, capture_output=True, text=True, check=False
        )
        assert served.stdout == "hello\n"


def test_the_file_server_refuses_half_an_identity(home: Path) -> None:
    for line, said in (
        (". --cert server.crt", "flag '--cert' requires the '--key' flag"),
        (". --roots root.crt", "flag '--roots' requires the '--cert' flag"),
        ("hello.txt", "positional argument <dir> must be a directory"),
        ("missing", "open missing failed: no such file or directory"),
    ):
        done = run(NEWEL, f"fileserver {line}", home)
        assert (done.returncode, done.stderr) == (1, f"{said}\n")
