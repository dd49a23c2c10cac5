"""An ACME account's new key while the server does not say which key the account has."""

import json
import ssl
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest

from fakes.local_server import LocalServer
from newel.cli.operations.acme import account_keys, accounts
from newel.cli.operations.acme.accounts import StoredAccount
from newel.cli.operations.enroll import AcmeDirectory
from newel.cli.operations.keys.key_output import private_pem
from newel.client import rotating
from newel.client.errors import RefusedError
from newel.client.throwaway import ThrowawayAuthority

PREFIX = "urn:ietf:params:acme:error:"


class UndecidedServer(BaseHTTPRequestHandler):
    """Has a directory, and answers every question for an account with one problem."""

    answer: ClassVar[tuple[int, bytes]] = (500, b"")

    def do_GET(self) -> None:
        host = f"https://localhost:{self.server.server_port}"  # pyright: ignore[reportAttributeAccessIssue] - an HTTPServer
        names = ("newNonce", "newAccount", "newOrder", "keyChange")
        self._answer(200, json.dumps({name: f"{host}/{name}" for name in names}).encode())

    def do_HEAD(self) -> None:
        self._answer(200, b"")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(*self.answer)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Replay-Nonce", "bm9uY2U")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        pass


@pytest.fixture
def directory() -> Generator[AcmeDirectory]:
    authority = ThrowawayAuthority()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    rotating.load(tls, authority.issue_cert("localhost"))
    with LocalServer(UndecidedServer, tls) as server:
        yield AcmeDirectory(f"https://localhost:{server.port}/directory", authority.root_pem)


@pytest.fixture
def account(
    directory: AcmeDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> StoredAccount:
    """An account whose change of keys was asked for, and not answered."""
    monkeypatch.setenv("STEPPATH", str(tmp_path))
    kept = accounts.find("default", directory.url)
    accounts.key_for("default", directory.url)
    kept.successor.write_bytes(private_pem(accounts.new_key()))
    return kept


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, json.dumps({"type": PREFIX + "serverInternal", "detail": "try again"}).encode()),
        (429, json.dumps({"type": PREFIX + "rateLimited", "detail": "too many"}).encode()),
        (401, json.dumps({"type": PREFIX + "unauthorized", "detail": "not active"}).encode()),
        (502, b"<html>bad gateway</html>"),
        (400, b"{}"),
    ],
)
def test_both_keys_stay_until_the_server_says_which_it_has(
    directory: AcmeDirectory, account: StoredAccount, status: int, body: bytes
) -> None:
    keys = [path.read_bytes() for path in (account.path, account.successor)]
    UndecidedServer.answer = status, body
    with pytest.raises(RefusedError):
        account_keys.replace_key(directory, account)
    assert [path.read_bytes() for path in (account.path, account.successor)] == keys


def test_a_key_that_the_server_has_not_is_given_up(
    directory: AcmeDirectory, account: StoredAccount
) -> None:
    before = account.path.read_bytes()
    problem = {"type": PREFIX + "accountDoesNotExist", "detail": "no account"}
    UndecidedServer.answer = 400, json.dumps(problem).encode()
    assert account_keys.settle(directory, account) is None
    assert account.path.read_bytes() == before
    assert not account.successor.exists()
