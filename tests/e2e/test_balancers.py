"""HTTPS through a balancer, by the very block of docs/deployment.md: client certificates reach the authority."""

import contextlib
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from fixtures.documentation import FENCE, REPOSITORY
from fixtures.drills import obtain_certificate, serial
from fixtures.needs import find_program
from fixtures.processes import free_port
from fixtures.running import Authority, serve_newel, wait_until

pytestmark = pytest.mark.needs("haproxy", "step")
NAME = "ca.example.com"


def read_configuration(balancer: int, replicas: tuple[int, int], root: Path) -> str:
    """The block of the page, with the addresses of this machine in the place of the reader's."""
    page = (REPOSITORY / "docs/deployment.md").read_text()
    (text,) = (match[3] for match in FENCE.finditer(page) if match[2] == "haproxy")
    own = {
        ":443\n    default_backend": f"127.0.0.1:{balancer}\n    default_backend",
        "10.1.2.11:443": f"127.0.0.1:{replicas[0]}",
        "10.1.2.12:443": f"127.0.0.1:{replicas[1]}",
        "/etc/haproxy/root_ca.crt": str(root),
    }
    for written, here in own.items():
        assert text.count(written) == 1, written
        text = text.replace(written, here)
    return text


@contextlib.contextmanager
def run_haproxy(configuration: Path) -> Generator[None]:
    program = find_program("haproxy")
    assert program is not None
    with configuration.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen([program, "-f", configuration], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def test_a_renewal_by_client_certificate_goes_through_and_a_dead_replica_is_left_out(
    tmp_path: Path,
) -> None:
    port, dead, balancer = free_port(), free_port(), free_port()
    with serve_newel(tmp_path / "newel", port, free_port(), "--dns", f"localhost,{NAME}") as served:
        authority: Authority = served[0]
        certificate = obtain_certificate(authority, tmp_path, "a.example.com")
        first = serial(certificate)
        configuration = tmp_path / "haproxy.cfg"
        configuration.write_text(read_configuration(balancer, (port, dead), authority.root))
        with run_haproxy(configuration):
            url, root = f"https://localhost:{balancer}", str(authority.root)

            def is_up() -> bool:
                asked = authority.step("ca", "health", "--ca-url", url, "--root", root)
                return asked.returncode == 0

            wait_until(is_up)
            key = certificate.with_suffix(".key")
            flags = ("--force", "--ca-url", url, "--root", root)
            renewed = authority.step("ca", "renew", *flags, str(certificate), str(key))
            assert renewed.returncode == 0, renewed.stderr
            assert serial(certificate) != first
            log = configuration.with_suffix(".log")
            wait_until(lambda: "registration/ra2 is DOWN" in log.read_text())
            assert "registration/ra1 is DOWN" not in log.read_text()
