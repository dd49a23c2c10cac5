"""Which proxy is asked, by the rules of Go; and what passes through one."""

import socket
import ssl
from collections.abc import Awaitable, Callable, Generator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest

from fakes.local_server import LocalServer
from fakes.recording_proxy import RecordingProxy
from newel.client import calls, rotating
from newel.client.async_authority import AsyncAuthority
from newel.client.async_web import ProxyTransport
from newel.client.authority import Authority
from newel.client.errors import ClientError, UnreachableError
from newel.client.proxies import find_proxy
from newel.client.throwaway import ThrowawayAuthority
from newel.client.trust import client_tls
from newel.client.tunnels import connect
from newel.client.web import make_opener

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "REQUEST_METHOD")
CA = "ca.example"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine has set."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def show(url: str) -> str | None:
    """The proxy for a URL."""
    found = find_proxy(url)
    return found and found.address


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, "https://a.example", None),
        ({"HTTPS_PROXY": "http://p:3128"}, "https://a.example", "http://p:3128"),
        ({"https_proxy": "http://p:3128"}, "https://a.example", "http://p:3128"),
        ({"HTTPS_PROXY": "upper", "https_proxy": "lower"}, "https://a.example", "http://upper:80"),
        ({"HTTPS_PROXY": "", "https_proxy": "lower"}, "https://a.example", "http://lower:80"),
        ({"HTTPS_PROXY": "p:8080"}, "https://a.example", "http://p:8080"),
        ({"HTTPS_PROXY": "https://p"}, "https://a.example", "https://p:443"),
        ({"HTTPS_PROXY": "socks5://p"}, "https://a.example", "socks5://p:1080"),
        ({"HTTPS_PROXY": "http://[::2]:3128"}, "https://a.example", "http://[::2]:3128"),
        ({"HTTPS_PROXY": "http://u:p%40ss@p"}, "https://a.example", "http://p:80"),
        ({"HTTPS_PROXY": "http://p"}, "http://a.example", None),
        ({"HTTP_PROXY": "http://p"}, "https://a.example", None),
        ({"HTTP_PROXY": "http://p"}, "http://a.example", "http://p:80"),
        ({"HTTP_PROXY": "http://p", "REQUEST_METHOD": "GET"}, "http://a.example", None),
        ({"ALL_PROXY": "http://p"}, "https://a.example", None),
    ],
)
def test_the_variables(
    variables: dict[str, str], url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert show(url) == proxy


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:9000", "LOCALHOST", "127.0.0.1", "127.8.8.8:1", "[::1]:9000"]
)
def test_this_machine_is_never_asked_through_a_proxy(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://p")
    assert show(f"https://{host}") is None


@pytest.mark.parametrize(
    ("listed", "direct", "proxied"),
    [
        ("*", ["a.example", "10.0.0.1"], []),
        ("a.example", ["a.example", "b.a.example", "A.Example."], ["ba.example", "example"]),
        (".a.example", ["b.a.example"], ["a.example"]),
        ("*.a.example", ["b.a.example"], ["a.example"]),
        ("a.example:443", ["a.example", "a.example:443", "b.a.example"], ["a.example:9000"]),
        ("a.example:9000", ["a.example:9000"], ["a.example"]),
        ("10.0.0.1", ["10.0.0.1", "10.0.0.1:9000"], ["10.0.0.2", "10.0.0.1.example"]),
        ("10.0.0.1:9000", ["10.0.0.1:9000"], ["10.0.0.1"]),
        ("10.0.0.0/8", ["10.1.2.3"], ["11.0.0.1", "a.example", "[fd00::1]"]),
        ("fd00::/8", ["[fd00::1]:9000"], ["[fe80::1]", "10.0.0.1"]),
        ("[fd00::1]:9000", ["[fd00::1]:9000"], ["[fd00::1]"]),
        ("fd00::1", ["[fd00::1]:9000", "[fd00:0:0::1]"], ["[fd00::2]"]),
        (" b.example , ,A.EXAMPLE", ["a.example", "b.example"], ["c.example"]),
        ("10.0.0.0/99,:443,[,a b", [], ["a.example", "10.0.0.1"]),
        ("", [], ["a.example"]),
    ],
)
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_no_proxy(
    listed: str,
    direct: list[str],
    proxied: list[str],
    variable: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://p")
    monkeypatch.setenv(variable, listed)
    assert {host: show(f"https://{host}") for host in (*direct, *proxied)} == {
        **dict.fromkeys(direct),
        **dict.fromkeys(proxied, "http://p:80"),
    }


@pytest.mark.parametrize("value", ["http://", "http://p:none", "http://[::1", "://"])
def test_what_is_no_proxy_is_said_without_its_password(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value.replace("//", "//u:secret@", 1))
    with pytest.raises(
        UnreachableError, match="HTTPS_PROXY is not the address of a proxy"
    ) as raised:
        find_proxy("https://a.example")
    assert "secret" not in str(raised.value)


class Handler(BaseHTTPRequestHandler):
    """Says that the authority is well."""

    def do_GET(self) -> None:
        body = b'{"status":"ok"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        """Says nothing."""


@pytest.fixture(scope="module")
def root() -> ThrowawayAuthority:
    return ThrowawayAuthority("proxied")


@pytest.fixture(scope="module")
def proxy_tls(root: ThrowawayAuthority) -> ssl.SSLContext:
    """What a proxy shows that is asked by TLS."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    rotating.load(tls, root.issue_cert("127.0.0.1"))
    return tls


@pytest.fixture
def system_roots(root: ThrowawayAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The root of the proxy is one of the system's."""
    file = tmp_path / "roots.pem"
    file.write_text(root.root_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))


@pytest.fixture(scope="module")
def server(root: ThrowawayAuthority) -> Generator[LocalServer]:
    """A server whose name only the proxy can look up."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    rotating.load(tls, root.issue_cert(CA))
    with LocalServer(Handler, tls) as running:
        yield running


async def by_threads(url: str, tls: ssl.SSLContext) -> None:
    with Authority(url, tls, seconds=5) as authority:
        authority.send(calls.health())


async def by_event_loop(url: str, tls: ssl.SSLContext) -> None:
    async with AsyncAuthority(url, tls, seconds=5) as authority:
        await authority.send(calls.health())


async def by_acme_client(url: str, tls: ssl.SSLContext) -> None:
    async with httpx.AsyncClient(transport=ProxyTransport(tls)) as client:
        try:
            assert (await client.get(f"{url}/health")).status_code == 200
        except httpx.HTTPError as error:
            raise UnreachableError(str(error)) from error


async def by_connection(url: str, tls: ssl.SSLContext) -> None:
    connection = connect(url, tls, 5)
    try:
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200
    except OSError as error:
        raise UnreachableError(str(error)) from error
    finally:
        connection.close()


async def by_opener(url: str, tls: ssl.SSLContext) -> None:
    try:
        with make_opener(tls).open(f"{url}/health", timeout=5) as answer:
            assert answer.status == 200
    except OSError as error:
        raise UnreachableError(str(error)) from error


Way = Callable[[str, ssl.SSLContext], Awaitable[None]]
WAYS = [by_threads, by_event_loop, by_acme_client, by_connection, by_opener]
ways = pytest.mark.parametrize("way", WAYS)


@ways
@pytest.mark.usefixtures("system_roots")
@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
@pytest.mark.parametrize("user", ["", "ada"])
async def test_every_client_goes_through_the_proxy(
    way: Way,
    scheme: str,
    user: str,
    root: ThrowawayAuthority,
    server: LocalServer,
    proxy_tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, tls = f"https://{CA}:{server.port}", client_tls(root.root_pem)
    encrypted = proxy_tls if scheme == "https" else None
    pair = f"{user}:p%40ss%3A%2F@" if user else ""
    with RecordingProxy(user, "p@ss:/" if user else "", encrypted) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://{pair}127.0.0.1:{proxy.port}")
        if scheme == "socks5" and way in {by_event_loop, by_acme_client}:
            with pytest.raises(UnreachableError, match="is not used by event loops"):
                await way(url, tls)
            return
        await way(url, tls)
        assert proxy.targets == [f"{CA}:{server.port}"]
        assert b"health" not in proxy.passed[0].sent
        if scheme != "socks5":
            assert f"\r\nHost: {CA}:{server.port}\r\n" in proxy.passed[0].head
        monkeypatch.setenv("NO_PROXY", f"10.0.0.0/8,{CA}")
        with pytest.raises(UnreachableError):
            await way(url, tls)  # the name is not known here
        assert len(proxy.passed) == 1


@ways
async def test_a_proxy_that_refuses_is_named_without_its_password(
    way: Way, root: ThrowawayAuthority, server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RecordingProxy("ada", "right") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://ada:wrong@127.0.0.1:{proxy.port}")
        with pytest.raises(ClientError, match="407") as raised:
            await way(f"https://{CA}:{server.port}", client_tls(root.root_pem))
        assert "wrong" not in str(raised.value)


def test_http_is_asked_of_the_proxy_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalServer(Handler) as server, RecordingProxy("ada", "secret") as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://ada:secret@127.0.0.1:{proxy.port}")
        url = f"http://crl.example:{server.port}/x?y=z"
        with make_opener().open(url, timeout=5) as answer:
            assert answer.read() == b'{"status":"ok"}'
        assert proxy.targets == [url]


@ways
async def test_a_proxy_that_is_not_trusted_gets_no_password(
    way: Way,
    root: ThrowawayAuthority,
    server: LocalServer,
    proxy_tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with RecordingProxy("ada", "secret", proxy_tls) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"https://ada:secret@127.0.0.1:{proxy.port}")
        with pytest.raises(UnreachableError, match="verify"):
            await way(f"https://{CA}:{server.port}", client_tls(root.root_pem))
        assert not proxy.passed


def test_a_proxy_that_is_not_trusted_is_named(
    root: ThrowawayAuthority, proxy_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RecordingProxy(tls=proxy_tls) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{proxy.port}")
        authority = Authority(f"https://{CA}", client_tls(root.root_pem), seconds=5)
        with pytest.raises(UnreachableError, match=f"the proxy https://127.0.0.1:{proxy.port}: "):
            authority.send(calls.health())


def test_a_proxy_that_does_not_finish_the_handshake_gives_no_answer_in_time(
    root: ThrowawayAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{silent.getsockname()[1]}")
        authority = Authority(f"https://{CA}", client_tls(root.root_pem), seconds=0.2)
        with pytest.raises(UnreachableError, match="no answer in time"):
            authority.send(calls.health())


@ways
@pytest.mark.usefixtures("system_roots")
async def test_a_server_behind_an_encrypted_proxy_is_verified_too(
    way: Way, server: LocalServer, proxy_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ThrowawayAuthority("another")
    with RecordingProxy(tls=proxy_tls) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{proxy.port}")
        with pytest.raises(UnreachableError, match="verify"):
            await way(f"https://{CA}:{server.port}", client_tls(other.root_pem))


@pytest.mark.usefixtures("system_roots")
def test_http_is_asked_of_an_encrypted_proxy_in_full(
    proxy_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalServer(Handler) as server, RecordingProxy("ada", "secret", proxy_tls) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"https://ada:secret@127.0.0.1:{proxy.port}")
        url = f"http://crl.example:{server.port}/x?y=z"
        with make_opener().open(url, timeout=5) as answer:
            assert answer.read() == b'{"status":"ok"}'
        assert proxy.targets == [url]


@ways
@pytest.mark.parametrize("name", ["no/such/folder", "keys.log"])
async def test_no_client_writes_the_keys_of_connections(
    way: Way,
    name: str,
    root: ThrowawayAuthority,
    server: LocalServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Tools for debugging set SSLKEYLOGFILE for a whole machine."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / name))
    with RecordingProxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        await way(f"https://{CA}:{server.port}", client_tls(root.root_pem))
    assert not list(tmp_path.iterdir())
