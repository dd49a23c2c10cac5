"""crypto jwt and jws with a JWK set at an https address."""

import http.server
import os
import ssl
import subprocess
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from fixtures.running import NEWEL

LARGE = 1 << 21


class Answers(http.server.BaseHTTPRequestHandler):
    """A set, something too large, a way out of https, and nothing."""

    jwks = b""

    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://localhost:1/jwks")
            self.end_headers()
            return
        body = {"/jwks": self.jwks, "/large": b" " * LARGE}.get(self.path)
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Says nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost and its key."""
    path = tmp_path_factory.mktemp("https")
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    words += ["-nodes", "-keyout", str(path / "key"), "-out", str(path / "crt")]
    words += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(words, capture_output=True, check=True)
    return path


@pytest.fixture(scope="module")
def address(folder: Path) -> Generator[str]:
    """The address of a server that answers until the tests are over."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "crt", folder / "key")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://localhost:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def run(
    folder: Path, *words: object, stdin: bytes = b"", trusting: bool = True
) -> subprocess.CompletedProcess[bytes]:
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    if trusting:
        environment["SSL_CERT_FILE"] = str(folder / "crt")
    arguments = [NEWEL, "crypto", *map(str, words)]
    return subprocess.run(arguments, input=stdin, capture_output=True, check=False, env=environment)


@pytest.mark.needs("openssl")
def test_the_set_at_an_address_verifies(folder: Path, address: str) -> None:
    words = ("jwk", "create", folder / "pub", folder / "private", "--no-password", "--insecure")
    assert run(folder, *words).returncode == 0
    public = (folder / "pub").read_bytes()
    assert run(folder, "jwk", "keyset", "add", folder / "set", stdin=public).returncode == 0
    Answers.jwks = (folder / "set").read_bytes()
    signed = run(folder, "jws", "sign", "--key", folder / "private", stdin=b"payload").stdout
    verify = ("jws", "verify", "--jwks")
    assert run(folder, *verify, f"{address}/jwks", stdin=signed).stdout == b"payload"
    for path, trusting, message in (
        ("/jwks", False, b"failed to verify certificate"),
        ("/none", True, b"status code 404"),
        ("/large", True, b"more than "),
        ("/away", True, b"redirects away from https"),
    ):
        finished = run(folder, *verify, address + path, stdin=signed, trusting=trusting)
        assert (finished.returncode, finished.stdout) == (1, b"")
        assert finished.stderr.startswith(f"error retrieving {address}{path}: ".encode())
        assert message in finished.stderr
