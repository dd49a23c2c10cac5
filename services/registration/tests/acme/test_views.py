"""Resolvers of a provisioner's own, and a second view that must agree."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fakes.name_server import NameServer
from fixtures.acme_account import Client
from fixtures.acme_harness import ACMEHarness, make_harness, provisioner
from fixtures.acme_requests import Reply
from newel.acme import challenges
from newel.step.acme_profiles import ACMENewel

OWNER = "_acme-challenge.a.example"


@pytest.fixture
async def second() -> AsyncIterator[NameServer]:
    server = NameServer()
    await server.start()
    yield server
    await server.stop()


async def attempt(client: Client, kind: str, *servers: NameServer) -> Reply:
    """The authorization after an answer that these name servers show."""
    order = await client.order("a.example")
    (authorization,) = order["authorizations"]
    challenge = await client.challenge(authorization, kind)
    value = challenges.dns_value(client.authorization(challenge["token"]))
    for each in servers:
        each.set(OWNER, "TXT", [f'"{value}"'])
    await client.post(challenge["url"], {})
    return await client.poll(authorization)


@pytest.mark.parametrize(
    "listed",
    [["ns.example"], ["10.0.0.1:0"], ["10.0.0.1:dns"], ["169.254.169.254"], [""], ["10.0.0.1"] * 5],
)
def test_what_is_no_name_server_turns_the_provisioner_off(listed: list[str]) -> None:
    for newel in (ACMENewel(resolvers=listed), ACMENewel(second_resolvers=listed)):
        with pytest.raises(ValueError, match=r"(r|secondR)esolvers"):
            provisioner(newel=newel)


def test_a_second_view_by_the_same_servers_is_none() -> None:
    for second in (["10.0.0.1", "10.0.0.2"], ["10.0.0.2:53", "10.0.0.1"]):
        first = ["10.0.0.1", "10.0.0.2"]
        with pytest.raises(ValueError, match=r"the same as newel\.resolvers"):
            provisioner(newel=ACMENewel(resolvers=first, second_resolvers=second))
        own = ACMENewel(second_resolvers=second)
        with pytest.raises(ValueError, match=r"the same as the authority's acme\.resolvers"):
            provisioner(newel=own, resolvers=("10.0.0.1", "10.0.0.2"))
        provisioner(newel=own, resolvers=("10.0.0.1",))


@pytest.mark.attack("A13")
async def test_networks_that_are_denied_bound_where_names_lead_and_not_which_resolver_is_asked(
    tmp_path: Path, second: NameServer
) -> None:
    url = f"sqlite:///{tmp_path}/registration.db"
    async with make_harness(url, deny_networks=("127.0.0.0/8",)) as harness:
        newel = ACMENewel(resolvers=[second.address])
        harness.provisioners["acme"] = provisioner(newel=newel)
        client = await harness.register_client()
        assert (await attempt(client, "dns-01", second))["status"] == "valid"
        second.set("b.example", "A", ["127.0.0.1"])
        order = await client.order("b.example")
        challenge = await client.challenge(order["authorizations"][0], "http-01")
        harness.web.present(client, challenge["token"])
        await client.post(challenge["url"], {})
        shown = await client.poll(order["authorizations"][0])
        assert shown["status"] == "invalid"
        (error,) = [each["error"] for each in shown["challenges"] if "error" in each]
        assert "connections to 127.0.0.1 are not allowed" in error["detail"]


async def test_a_provisioner_asks_its_own_resolver(
    harness: ACMEHarness, second: NameServer
) -> None:
    harness.provisioners["acme"] = provisioner(newel=ACMENewel(resolvers=[second.address]))
    client = await harness.register_client()
    assert (await attempt(client, "dns-01", second))["status"] == "valid"
    harness.dns.set(OWNER, "TXT", ['"x"'])
    second.set(OWNER, "TXT", ['"x"'])
    assert harness.dns.asked == []
    other = await harness.register_client("other")
    assert (await attempt(other, "dns-01", harness.dns))["status"] == "valid"


@pytest.mark.attack("A15")
async def test_a_proof_that_one_view_alone_shows_is_refused(
    harness: ACMEHarness, second: NameServer
) -> None:
    newel = ACMENewel(second_resolvers=[second.address])
    harness.provisioners["acme"] = provisioner(newel=newel)
    client = await harness.register_client()
    assert (await attempt(client, "dns-01", harness.dns, second))["status"] == "valid"
    failed = await attempt(client, "dns-01", harness.dns)
    assert failed["status"] == "invalid"
    detail = failed["challenges"][0]["error"]["detail"]
    assert f"by the second resolver, {second.address}" in detail
    failed = await attempt(client, "dns-01", second)
    assert "second resolver" not in failed["challenges"][0]["error"]["detail"]


@pytest.mark.attack("A13")
async def test_a_name_that_leads_elsewhere_in_the_second_view_is_refused(
    harness: ACMEHarness, second: NameServer
) -> None:
    newel = ACMENewel(second_resolvers=[second.address])
    harness.provisioners["acme"] = provisioner(newel=newel)
    client = await harness.register_client()
    assert (await harness.ready(client, "a.example"))["status"] == "ready"
    second.set("a.example", "A", ["169.254.1.1"])
    order = await client.order("a.example")
    challenge = await client.challenge(order["authorizations"][0], "http-01")
    harness.web.present(client, challenge["token"])
    await client.post(challenge["url"], {})
    shown = await client.poll(order["authorizations"][0])
    assert shown["status"] == "invalid"
    assert "169.254.1.1" in shown["challenges"][0]["error"]["detail"]


@pytest.mark.attack("A19")
async def test_both_views_must_let_the_authority_issue(
    harness: ACMEHarness, second: NameServer
) -> None:
    newel = ACMENewel(second_resolvers=[second.address], check_caa=True)
    harness.provisioners["acme"] = provisioner(caa_identities=["ca.example"], newel=newel)
    client = await harness.register_client()
    second.set("example", "CAA", ['0 issue ";"'])
    failed = await attempt(client, "dns-01", harness.dns, second)
    error = failed["challenges"][0]["error"]
    assert error["type"].endswith(":caa")
    assert second.address in error["detail"]
