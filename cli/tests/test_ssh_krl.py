"""The key revocation list of an authority that has none yet: it is asked again when it says so."""

import base64
import json
import ssl
import time
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest

from fakes.local_server import LocalServer
from newel.cli.errors import CliError
from newel.cli.operations.connection import AuthorityOptions
from newel.cli.operations.ssh import revocation_list
from newel.client import rotating
from newel.client.throwaway import ThrowawayAuthority
from newel.crypto import keys
from newel.crypto.ssh import detached, krl
from newel.crypto.ssh.public_keys import wire_of

LIST = krl.encode(7, 1_700_000_000, {})
CA = keys.generate()
OTHER = keys.generate()


def sign(key: keys.PrivateKey, listed: bytes = LIST) -> bytes:
    made = keys.sign(key, detached.frame(detached.KRL_NAMESPACE, listed))
    return detached.encode(key.public_key(), detached.KRL_NAMESPACE, made)


class NotYet(BaseHTTPRequestHandler):
    """Answers 503 a number of times, then with the list; its signatures follow each other."""

    left = 0
    headers_sent: tuple[str, ...] = ()
    signatures: ClassVar[list[bytes]] = []
    elsewhere = ""
    listed = LIST

    def do_GET(self) -> None:
        cls = type(self)
        if self.path == "/ssh/roots":
            key = base64.b64encode(wire_of(CA)).decode()
            self._answer(200, json.dumps({"userKey": [key], "hostKey": []}).encode())
            return
        if cls.elsewhere:
            self._answer(307, json.dumps({"url": cls.elsewhere + self.path}).encode())
            return
        if self.path == "/ssh/krl.sig":
            signature = cls.signatures.pop(0) if cls.signatures else b""
            self._answer(200 if signature else 404, signature)
            return
        ready = cls.left == 0
        cls.left -= not ready
        body = cls.listed if ready else b"not published yet\n"
        self.send_response(200 if ready else 503)
        for value in () if ready else self.headers_sent:
            self.send_header("Retry-After", value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
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
    NotYet.signatures, NotYet.elsewhere = [sign(CA)], ""


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


@pytest.mark.parametrize(
    "signature",
    [b"none", sign(OTHER), sign(CA, krl.encode(8, 1_700_000_000, {})), sign(CA)[:100]],
    ids=["no signature", "another key", "another list", "half a signature"],
)
def test_a_list_without_a_signature_by_the_authority_is_not_installed(
    options: AuthorityOptions, pauses: list[float], tmp_path: Path, signature: bytes
) -> None:
    answer_not_yet(0)
    file = tmp_path / "revoked"
    file.write_bytes(krl.encode(6, 1_600_000_000, {}))
    NotYet.signatures = [signature]
    with pytest.raises(CliError, match="is not accepted"):
        revocation_list.install(options, file, patience=0)
    assert krl.parse(file.read_bytes()).version == 6
    NotYet.signatures = [signature, sign(CA)]  # the list was replaced between the two questions
    assert revocation_list.install(options, file) is not None
    assert pauses == [1]


def test_an_authority_that_does_not_sign_is_named(
    options: AuthorityOptions, tmp_path: Path
) -> None:
    answer_not_yet(0)
    NotYet.signatures = []
    with pytest.raises(CliError, match=r"does not sign .* ssh\.krl_key"):
        revocation_list.install(options, tmp_path / "revoked")
    assert not (tmp_path / "revoked").exists()


class Plain(NotYet):
    """The same over plain HTTP, without keys."""


def test_the_list_may_be_elsewhere_and_its_signature_counts(
    options: AuthorityOptions, pauses: list[float], tmp_path: Path
) -> None:
    answer_not_yet(0)
    Plain.elsewhere, Plain.signatures = "", [sign(CA), sign(OTHER)]
    file = tmp_path / "revoked"
    with LocalServer(Plain) as plain:
        NotYet.elsewhere = f"http://127.0.0.1:{plain.port}"
        assert revocation_list.install(options, file) is not None
        assert file.read_bytes() == LIST
        file.unlink()
        with pytest.raises(CliError, match="not trusted"):
            revocation_list.install(options, file, patience=0)
    with pytest.raises(CliError, match="failed"):
        revocation_list.install(options, file, patience=0)
    NotYet.elsewhere = "file:///etc/passwd?"
    with pytest.raises(CliError, match="no web address"):
        revocation_list.install(options, file, patience=0)
    assert not file.exists()
    assert pauses == []


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_a_list_of_a_million_is_read_whole(
    options: AuthorityOptions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_elsewhere: bool,
) -> None:
    """So long a one as that is; it is signed and refused for what it holds."""
    answer_not_yet(0)
    long = b"x" * (9 * 1024 * 1024)
    with LocalServer(Plain) as plain:
        for server in (NotYet, Plain):
            monkeypatch.setattr(server, "listed", long)
            monkeypatch.setattr(server, "signatures", [sign(CA, long)])
        monkeypatch.setattr(
            NotYet, "elsewhere", f"http://127.0.0.1:{plain.port}" if is_elsewhere else ""
        )
        with pytest.raises(CliError, match="revocation list"):
            revocation_list.install(options, tmp_path / "revoked", patience=0)
