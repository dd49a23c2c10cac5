"""The key revocation list of an authority that has none yet: it is asked again when it says so."""

import ssl
import time
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from fakes.local_server import LocalServer
from newel.cli.errors import CliError
from newel.cli.operations.connection import AuthorityOptions
from newel.cli.operations.ssh import revocation_list
from newel.client import rotating
from newel.client.throwaway import ThrowawayAuthority
from newel.crypto.ssh import krl

LIST = krl.encode(7, 1_700_000_000, {})


class NotYet(BaseHTTPRequestHandler):
    """Answers 503 a number of times, then with the list."""

    left = 0
    headers_sent: tuple[str, ...] = ()

    def do_GET(self) -> None:
        cls = type(self)
        ready = cls.left == 0
        cls.left -= not ready
        body = LIST if ready else b"not published yet\n"
        self.send_response(200 if ready else 503)
        for value in () if ready else self.headers_sent:
            self.send_header("Retry-After", value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        pass


@pytest.fixture
def options(tmp_path: Path) -> Generator[AuthorityOptions]:
    authority = ThrowawayAuthority()
    (tmp_path / "root.crt").write_text(authority.root_pem)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    rotating.load(tls, authority.issue_cert("localhost"))
    with LocalServer(NotYet, tls) as server:
        url = f"https://localhost:{server.port}"
        yield AuthorityOptions(
            "step ssh krl", tmp_path, ca_url=url, root=str(tmp_path / "root.crt")
        )


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def answer_not_yet(times: int, *retry_after: str) -> None:
    NotYet.left, NotYet.headers_sent = times, retry_after


@pytest.mark.parametrize(("said", "pause"), [("0", 1), ("1", 1), ("6", 6)])
def test_it_waits_as_long_as_the_authority_says(
    options: AuthorityOptions, pauses: list[float], tmp_path: Path, said: str, pause: int
) -> None:
    answer_not_yet(2, said)
    assert revocation_list.install(options, tmp_path / "revoked") is not None
    assert (tmp_path / "revoked").read_bytes() == LIST
    assert pauses == [pause, pause]


@pytest.mark.parametrize("retry_after", [("3600",), ("Fri, 31 Dec 1999 23:59:59 GMT",), ()])
def test_it_does_not_wait_for_long_nor_unasked(
    options: AuthorityOptions, pauses: list[float], tmp_path: Path, retry_after: tuple[str, ...]
) -> None:
    answer_not_yet(1, *retry_after)
    with pytest.raises(CliError, match="status 503"):
        revocation_list.install(options, tmp_path / "revoked")
    assert not (tmp_path / "revoked").exists()
    assert pauses == []


def test_a_service_that_keeps_the_file_does_not_wait_inside(
    options: AuthorityOptions, pauses: list[float], tmp_path: Path
) -> None:
    answer_not_yet(1, "1")
    with pytest.raises(CliError, match="status 503"):
        revocation_list.install(options, tmp_path / "revoked", patience=0)
    assert pauses == []
