"""A link into a dashboard: older ones, those in the authority's process, and those in their own."""

import datetime as dt
import json
import ssl
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from fakes.local_server import LocalServer
from newel.cli.errors import CliError
from newel.cli.operations.connection import AuthorityOptions
from newel.cli.operations.inventory.dashboard_link import make_link
from newel.cli.operations.inventory.session import ServiceOptions
from newel.client import clock, rotating
from newel.client.throwaway import ThrowawayAuthority
from newel.crypto import pem
from newel.step import delegations

INTERFACES = ["inventory", "alerting", "revocations"]
LINK = {"path": "/dashboard/login?link=x", "expires_at": "2026-12-01T00:00:00+00:00"}


class Dashboard(BaseHTTPRequestHandler):
    """Says which proofs it takes, and keeps what it is sent."""

    proofs: "list[str] | int" = 404
    received: bytes | None = None
    seconds = 3600

    def do_GET(self) -> None:
        if isinstance(self.proofs, int):
            self._answer(self.proofs, {})
            return
        told = {"proofs": self.proofs, "interfaces": INTERFACES, "seconds": self.seconds}
        self._answer(200, told)

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        type(self).received = self.rfile.read(size)
        self._answer(201, LINK)

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        pass


@pytest.fixture
def options(tmp_path: Path) -> Generator[ServiceOptions]:
    authority = ThrowawayAuthority()
    (tmp_path / "root.crt").write_text(authority.root_pem)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    rotating.load(tls, authority.issue_cert("localhost"))
    admin = authority.issue_cert("ada@example.com")
    files = [tmp_path / name for name in ("ada.crt", "ada.key")]
    for file, text in zip(files, (admin.chain_pem, admin.key_pem()), strict=True):
        file.write_bytes(text)
    Dashboard.received = None
    with LocalServer(Dashboard, tls) as server:
        own = AuthorityOptions(
            "step dashboard", tmp_path, ca_url=f"https://localhost:{server.port}",
            root=str(tmp_path / "root.crt"),
        )  # fmt: skip # one call
        yield ServiceOptions(own, admin_cert=str(files[0]), admin_key=str(files[1]))


def choose(monkeypatch: pytest.MonkeyPatch, proofs: "list[str] | int") -> None:
    monkeypatch.setattr(Dashboard, "proofs", proofs)


@pytest.mark.parametrize("proofs", [["certificate", "delegations"], 405])
def test_a_client_certificate_does_where_it_can_be_handed_on(
    options: ServiceOptions, monkeypatch: pytest.MonkeyPatch, proofs: "list[str] | int"
) -> None:
    choose(monkeypatch, proofs)
    assert make_link(options).path == LINK["path"]
    assert Dashboard.received == b""


def test_a_dashboard_of_its_own_gets_a_delegation_for_each_interface(
    options: ServiceOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, ["delegations"])
    named = options._replace(url=options.authority.ca_url)
    assert make_link(named).path == LINK["path"]
    assert Dashboard.received
    sent = json.loads(Dashboard.received)["delegations"]
    now = clock.now()
    assert options.admin_cert
    own = pem.decode_all(Path(options.admin_cert).read_bytes())[0]
    assert {
        name: delegations.read(text, name, now) for name, text in sent.items()
    } == dict.fromkeys(INTERFACES, own)
    with pytest.raises(ValueError, match="expired"):
        delegations.read(sent["inventory"], "inventory", now + dt.timedelta(hours=1, minutes=2))


def test_who_is_no_named_dashboard_gets_no_delegation(
    options: ServiceOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An authority that was broken into asks for what it does not need."""
    choose(monkeypatch, ["delegations"])
    with pytest.raises(CliError, match="asks for delegations") as caught:
        make_link(options)
    assert "--dashboard-url" in caught.value.hint
    assert Dashboard.received is None


@pytest.mark.parametrize("seconds", [10**20, -1, 0])
def test_a_lifetime_that_is_none_is_an_answer_that_cannot_be_read(
    options: ServiceOptions, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    choose(monkeypatch, ["delegations"])
    monkeypatch.setattr(Dashboard, "seconds", seconds)
    with pytest.raises(CliError, match="how long"):
        make_link(options._replace(url=options.authority.ca_url))
    assert Dashboard.received is None


def test_without_an_administrator_and_without_a_dashboard_the_error_says_what_to_do(
    options: ServiceOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, ["delegations"])
    nameless = options._replace(url=options.authority.ca_url, admin_cert=None, admin_key=None)
    with pytest.raises(CliError) as caught:
        make_link(nameless)
    assert "--admin-cert" in caught.value.hint
    choose(monkeypatch, 404)
    with pytest.raises(CliError, match="has no dashboard") as caught:
        make_link(options)
    assert "--dashboard-url" in caught.value.hint
