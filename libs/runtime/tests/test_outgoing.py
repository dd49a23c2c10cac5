"""The bounded HTTPS client, against real servers."""

import asyncio
import ipaddress
import ssl
from collections.abc import Iterator

import pytest

from fakes.http_receiver import HttpReceiver, Reply
from fixtures.pki import InternalPki
from newel.runtime.egress import EgressPolicy, EgressRefusedError, ResolutionError
from newel.runtime.http.outgoing import (
    OutgoingClient,
    OutgoingError,
    OutgoingLimits,
    OutgoingResponse,
)
from newel.runtime.tls.client import trust_file


async def _resolve_to_loopback(host: str) -> list[str]:
    return [] if host == "nowhere.example" else ["127.0.0.1"]


_POLICY = EgressPolicy(resolver=_resolve_to_loopback)


def _client(
    pki: InternalPki, limits: OutgoingLimits | None = None, policy: EgressPolicy = _POLICY
) -> OutgoingClient:
    return OutgoingClient(policy, trust_file(pki.roots), limits or OutgoingLimits())


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> InternalPki:
    return InternalPki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def server(pki: InternalPki) -> Iterator[HttpReceiver]:
    files = pki.files("hooks.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    with HttpReceiver(tls=context) as running:
        yield running


async def test_the_name_is_verified_although_the_address_is_pinned(
    pki: InternalPki, server: HttpReceiver
) -> None:
    client = _client(pki)
    answer = await client.post(server.url("/a?b=c", "hooks.example"), b"body", {"X-Y": "z"})
    assert (answer.status, answer.body) == (200, b"ok")
    (posted,) = server.posted
    assert (posted.path, posted.body) == ("/a?b=c", b"body")
    assert posted.headers["host"] == f"hooks.example:{server.port}"
    assert posted.headers["x-y"] == "z"
    with pytest.raises(OutgoingError, match="its certificate is not trusted"):
        await client.post(server.url("/", "other.example"), b"", {})
    await client.close()


async def test_what_is_no_plain_https_address_is_not_asked(pki: InternalPki) -> None:
    client = _client(pki)
    for url in ("http://hooks.example/", "https://user@hooks.example/", "https:///x", "a b", "//x"):
        with pytest.raises(OutgoingError):
            await client.get(url)
    with pytest.raises(ResolutionError):
        await client.get("https://nowhere.example/")


async def test_the_egress_policy_decides_where_it_goes(
    pki: InternalPki, server: HttpReceiver
) -> None:
    deny = (ipaddress.ip_network("127.0.0.0/8"),)
    client = _client(pki, policy=EgressPolicy(deny=deny, resolver=_resolve_to_loopback))
    for host in ("hooks.example", "127.0.0.1", "169.254.169.254"):
        with pytest.raises(EgressRefusedError):
            await client.get(server.url("/", host))
    assert server.posted == []


async def test_an_answer_is_bounded_and_a_redirect_is_an_answer(
    pki: InternalPki, server: HttpReceiver
) -> None:
    client = _client(pki, OutgoingLimits(body_bytes=10))
    server.replies = [
        Reply(302, b"", {"Location": "https://169.254.169.254/"}),
        Reply(200, b"x" * 11),
    ]
    url = server.url("/", "hooks.example")
    assert (await client.post(url, b"", {})).status == 302
    with pytest.raises(OutgoingError, match="too long"):
        await client.post(url, b"", {})


async def test_a_host_that_hangs_delays_no_other(pki: InternalPki, server: HttpReceiver) -> None:
    limits = OutgoingLimits(seconds=0.5, to_one_host=2)
    client = _client(pki, limits)
    silent = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    hanging = f"https://silent.example:{silent.sockets[0].getsockname()[1]}/"
    url = server.url("/", "hooks.example")
    *outcomes, answer = await asyncio.gather(
        *[client.get(hanging) for _ in range(3)], client.post(url, b"", {}), return_exceptions=True
    )
    assert isinstance(answer, OutgoingResponse)
    assert answer.status == 200
    texts = sorted(str(each) for each in outcomes)
    assert texts == [
        "no answer from silent.example in time",
        "no answer from silent.example in time",
        "too many requests to silent.example are open",
    ]
    silent.close()


async def test_clients_of_another_trust_share_the_bound(
    pki: InternalPki, server: HttpReceiver
) -> None:
    client = _client(pki, OutgoingLimits(seconds=0.5, to_one_host=1))
    silent = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    hanging = f"https://silent.example:{silent.sockets[0].getsockname()[1]}/"
    others = [client.with_trust(trust_file(pki.roots)) for _ in range(2)]
    outcomes = await asyncio.gather(*[each.get(hanging) for each in others], return_exceptions=True)
    assert sorted(map(str, outcomes)) == [
        "no answer from silent.example in time",
        "too many requests to silent.example are open",
    ]
    assert (await others[0].post(server.url("/", "hooks.example"), b"", {})).status == 200
    silent.close()
