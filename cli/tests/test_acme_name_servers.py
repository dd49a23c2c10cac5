"""Waiting for a record: asked of the zone's own servers, wherever an alias leads."""

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator

import dns.resolver
import pytest

from fakes.name_server import NameServer
from newel.cli.errors import CliError
from newel.cli.operations.acme.dns_servers import NameServers, Server, server_at

RECORD = "_acme-challenge.a.example"
SOON = dt.timedelta(seconds=0.5)


@pytest.fixture
async def server() -> AsyncGenerator[NameServer]:
    made = NameServer(anywhere=None)
    await made.start()
    yield made
    await made.stop()


def servers_of(server: NameServer) -> NameServers:
    return NameServers([Server("127.0.0.1", server.port)])


async def test_a_record_that_comes_late(server: NameServer) -> None:
    server.set(RECORD, "TXT", ['"of another order"'])

    async def comes() -> None:
        while len(server.asked) < 2:
            await asyncio.sleep(0.01)
        server.set(RECORD, "TXT", ['"of another order"', '"mine"'])

    patience = dt.timedelta(seconds=20)
    await asyncio.gather(
        comes(), asyncio.to_thread(servers_of(server).wait, RECORD, "mine", patience)
    )


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        ("", "not all name servers have it"),
        ("failing", "no name server answers"),
        ("garbage", "no name server answers"),
    ],
)
async def test_a_record_that_never_comes(server: NameServer, trouble: str, expected: str) -> None:
    if trouble:
        getattr(server, trouble).add(RECORD)
    with pytest.raises(CliError, match=expected):
        await asyncio.to_thread(servers_of(server).wait, RECORD, "mine", SOON)


async def test_a_record_too_long_for_a_datagram(server: NameServer) -> None:
    server.tcp_only = True
    server.set(RECORD, "TXT", ['"mi" "ne"'])
    await asyncio.to_thread(servers_of(server).wait, RECORD, "mine", SOON)


async def test_aliases_are_followed_but_not_for_ever(server: NameServer) -> None:
    server.set(RECORD, "CNAME", ["b.example."])
    server.set("b.example", "CNAME", ["c.example."])
    found = await asyncio.to_thread(servers_of(server).owner, f"{RECORD}.")
    assert found == "c.example."
    server.set("c.example", "CNAME", [f"{RECORD}."])
    with pytest.raises(CliError, match="more than 8 aliases"):
        await asyncio.to_thread(servers_of(server).owner, f"{RECORD}.")


async def test_the_zones_own_servers_are_found(server: NameServer) -> None:
    """By the resolver of this machine, which alone is asked for anything else than the record."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], server.port
    server.set("example", "SOA", ["ns1.example. root.example. 1 60 60 60 60"])
    server.set("example", "NS", ["ns1.example.", "ns2.example."])
    server.set("ns1.example", "A", ["127.0.0.1"])
    server.set("ns2.example", "A", ["127.0.0.2"])
    names = NameServers([], resolver, 5300)
    found = await asyncio.to_thread(names.of, f"{RECORD}.")
    assert set(found) == {Server("127.0.0.1", 5300), Server("127.0.0.2", 5300)}
    server.failing.add("example")
    with pytest.raises(CliError, match="cannot be found") as refused:
        await asyncio.to_thread(NameServers([], resolver).of, "example.")
    assert "--dns-server" in refused.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1", ("127.0.0.1", 53)),
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]:5353", ("::1", 5353)),
        ("localhost:54", ("127.0.0.1", 54)),
    ],
)
def test_a_server_is_named_by_host_and_port(text: str, expected: tuple[str, int]) -> None:
    found = server_at(text)
    assert found.port == expected[1]
    assert found.address in {expected[0], "::1"}
