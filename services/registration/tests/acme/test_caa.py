"""CAA records decide what an ACME provisioner that checks them issues: RFC 8659, RFC 8657, attack A19."""

import asyncio
import datetime as dt
import ipaddress
from collections.abc import Sequence
from typing import Any

import pytest
from cryptography import x509

from fixtures.acme_account import HOST, Client, make_csr
from fixtures.acme_harness import ACMEHarness, make_harness, provisioner
from fixtures.acme_requests import Reply
from newel.acme import challenges
from newel.proto.common.v1 import error_pb2
from newel.registration.policy.approvals import Approvals
from newel.step.acme_profiles import ACMENewel
from newel.step.policies import NameLists

OWN = '0 issue "ca.example"'
NONE = '0 issue ";"'


def check_caa(identities: Sequence[str] = ("ca.example",)) -> Any:
    return provisioner(caa_identities=list(identities), newel=ACMENewel(check_caa=True))


async def register(harness: ACMEHarness) -> Client:
    harness.provisioners["acme"] = check_caa()
    return await harness.register_client()


async def attempt(harness: ACMEHarness, client: Client, name: str) -> Reply:
    """The authorization of a name whose http-01 challenge was answered as it should be."""
    order = await client.order(name)
    (authorization,) = order["authorizations"]
    challenge = await client.challenge(authorization, "http-01")
    harness.web.present(client, challenge["token"])
    await client.post(challenge["url"], {})
    return await client.poll(authorization)


async def finalize(client: Client, order: Reply, *names: str) -> Reply:
    return await client.post(order["finalize"], {"csr": make_csr(*names)})


@pytest.mark.parametrize("identities", [[], ["https://ca.example"], ["ca.example", "x."]])
def test_the_check_needs_identities_that_records_can_name(identities: list[str]) -> None:
    with pytest.raises(ValueError, match="caaIdentities"):
        check_caa(identities)


async def test_names_without_records_and_with_the_authoritys_are_issued(
    either: ACMEHarness,
) -> None:
    client = await register(either)
    either.dns.set("b.example", "CAA", [OWN])
    names = ("a.example", "b.example", "x.y.b.example")
    order = await either.ready(client, *names)
    assert (await finalize(client, order, *names))["status"] == "valid"
    asked = [name for name, kind in either.dns.asked if kind == "CAA"]
    # the search ends where there are records, and every name is asked for itself
    assert {"a.example", "example", "b.example", "x.y.b.example", "y.b.example"} == set(asked)
    directory = await client.post("directory")
    assert directory["meta"]["caaIdentities"] == ["ca.example"]


@pytest.mark.attack("A19")
@pytest.mark.parametrize(
    ("at", "record", "words"),
    [
        ("a.b.example", NONE, "lets no authority issue"),
        ("b.example", '0 issue "other.example"', "names another authority"),
        ("example", '128 tbs "x"', "critical and not known"),
        ("b.example", '0 issue "ca.example; validationmethods=dns-01"', "other methods than http"),
    ],
)
async def test_records_that_forbid_end_the_validation_and_are_shown(
    harness: ACMEHarness, at: str, record: str, words: str
) -> None:
    client = await register(harness)
    harness.dns.set(at, "CAA", [record])
    failed = await attempt(harness, client, "a.b.example")
    assert failed["status"] == "invalid"
    (shown,) = failed["challenges"]
    assert shown["error"]["type"] == "urn:ietf:params:acme:error:caa"
    assert shown["error"]["status"] == 403
    for part in ("a.b.example", f"the records at {at}", words, "ca.example issue"):
        assert part in shown["error"]["detail"]
    while not harness.audit.outcomes("acme.challenge"):
        await asyncio.sleep(0.01)  # it is written after the result
    (line,) = [facts for event, _, facts in harness.audit.lines if event == "acme.challenge"]
    assert line["type"] == "caa"


@pytest.mark.attack("A19")
async def test_an_alias_leads_to_the_records_of_another_tree(harness: ACMEHarness) -> None:
    client = await register(harness)
    harness.dns.set("a.example", "A", ["127.0.0.1"])
    harness.dns.set("a.example", "CNAME", ["host.other.test."])
    harness.dns.set("host.other.test", "CAA", [NONE])
    assert (await attempt(harness, client, "a.example"))["status"] == "invalid"
    # without records at the alias the search goes on above the name, not above the alias
    harness.dns.records.pop(("host.other.test", "CAA"))
    harness.dns.set("other.test", "CAA", [NONE])
    assert (await attempt(harness, client, "a.example"))["status"] == "valid"


@pytest.mark.attack("A19")
@pytest.mark.parametrize("position", [0, 1, 2])
async def test_one_of_several_names_forbidden_after_validation_refuses_the_order(
    either: ACMEHarness, position: int
) -> None:
    client = await register(either)
    names = ["a.example", "b.example", "c.example"]
    order = await either.ready(client, *names)
    either.dns.set(names[position], "CAA", [NONE])
    refused = await finalize(client, order, *names)
    assert refused.problem == "caa"
    (part,) = refused["subproblems"]
    assert part["identifier"] == {"type": "dns", "value": names[position]}
    assert part["type"] == "urn:ietf:params:acme:error:caa"
    assert either.issuing.requests == []
    shown = await client.post(order.header("location"))
    assert shown["status"] == "invalid"
    assert shown["error"]["subproblems"] == [part]


@pytest.mark.attack("A19")
@pytest.mark.parametrize("fault", ["failing", "silent", "garbage", "referring"])
async def test_a_name_server_that_fails_is_neither_a_yes_nor_a_no(
    harness: ACMEHarness, fault: str
) -> None:
    client = await register(harness)
    order = await harness.ready(client, "a.b.example")
    getattr(harness.dns, fault).add("b.example")
    begun = await finalize(client, order, "a.b.example")
    assert begun["status"] == "processing"
    assert int(begun.header("retry-after")) > 0
    assert harness.issuing.requests == []
    getattr(harness.dns, fault).clear()
    harness.clock.advance(dt.timedelta(seconds=5))
    assert (await client.post(order.header("location")))["status"] == "valid"


@pytest.mark.attack("A19")
async def test_name_servers_that_keep_failing_end_the_order_with_the_cause(
    harness: ACMEHarness,
) -> None:
    client = await register(harness)
    order = await harness.ready(client, "a.example")
    harness.dns.failing.add("a.example")
    shown = await finalize(client, order, "a.example")
    for _ in range(200):
        if shown["status"] != "processing":
            break
        harness.clock.advance(dt.timedelta(seconds=10))
        shown = await client.post(order.header("location"))
    assert shown["status"] == "invalid"
    assert "CAA of a.example" in shown["error"]["detail"]
    assert "SERVFAIL" in shown["error"]["detail"]
    (part,) = shown["error"]["subproblems"]
    assert part["type"] == "urn:ietf:params:acme:error:dns"
    assert harness.issuing.requests == []


@pytest.mark.attack("A19")
async def test_an_order_whose_name_servers_fail_holds_up_no_other(either: ACMEHarness) -> None:
    client = await register(either)
    names = [f"{each}.example" for each in "abcdefghij"]
    orders = {name: await either.ready(client, name) for name in names}
    either.issuing.refuse = error_pb2.Error(type="unavailable", detail="away")
    for name, order in orders.items():
        assert (await finalize(client, order, name))["status"] == "processing"
        either.clock.advance(dt.timedelta(seconds=1))
    either.issuing.refuse = None
    either.dns.failing.update(names[:-1])
    either.clock.advance(dt.timedelta(seconds=61))
    await either.recover()
    ended = await either.rows("SELECT identifiers FROM acme_orders WHERE status = 'valid'")
    assert [names[-1] in each for (each,) in ended] == [True]


@pytest.mark.attack("A19")
async def test_the_names_of_an_order_share_one_deadline(database_url: str) -> None:
    async with make_harness(database_url, validation_deadline="200ms") as harness:
        client = await register(harness)
        names = [f"h{number}.example" for number in range(40)]
        account = (await harness.rows("SELECT id FROM acme_accounts"))[0][0]
        harness.approvals[bytes(account)] = Approvals(NameLists(dns=tuple(names)))
        order = await client.order(*names)
        harness.dns.silent.update(names)
        assert (await finalize(client, order, *names))["status"] == "processing"
        # those that were asked first used the time up
        assert len({name for name, _ in harness.dns.asked if name in names}) <= 16


@pytest.mark.attack("A19")
async def test_an_account_is_compared_whole_under_the_servers_names_alone(
    harness: ACMEHarness,
) -> None:
    client, other = await register(harness), await harness.register_client()
    order = await harness.ready(client, "a.example")
    for uri in (
        other.kid,
        client.kid + "x",
        client.kid.replace("/account/", "/Account/"),
        client.kid.replace(HOST, "ca.other.example"),
        client.kid.replace("https:", "http:"),
        client.kid.removeprefix("https://"),
    ):
        harness.dns.set("a.example", "CAA", [f'0 issue "ca.example; accounturi={uri}"'])
        failed = await attempt(harness, client, "a.example")
        assert "for another account" in failed["challenges"][0]["error"]["detail"], uri
    harness.dns.set("a.example", "CAA", [f'0 issue "ca.example; accounturi={client.kid}"'])
    assert (await finalize(client, order, "a.example"))["status"] == "valid"


@pytest.mark.attack("A19")
async def test_wildcards_follow_their_own_records(harness: ACMEHarness) -> None:
    client = await register(harness)
    for records, status in (
        ([OWN, '0 issuewild ";"'], "invalid"),
        ([NONE], "invalid"),
        ([NONE, '0 issuewild "ca.example"'], "valid"),
    ):
        harness.dns.set("a.example", "CAA", records)
        order = await client.order("*.a.example")
        (authorization,) = order["authorizations"]
        challenge = await client.challenge(authorization, "dns-01")
        value = challenges.dns_value(client.authorization(challenge["token"]))
        harness.dns.set("_acme-challenge.a.example", "TXT", [f'"{value}"'])
        await client.post(challenge["url"], {})
        shown = await client.poll(authorization)
        assert shown["status"] == status
        if status == "invalid":
            assert "CAA of *.a.example" in shown["challenges"][0]["error"]["detail"]


@pytest.mark.attack("A19")
async def test_a_name_that_needed_no_challenge_is_checked_all_the_same(
    harness: ACMEHarness,
) -> None:
    client = await register(harness)
    account = (await harness.rows("SELECT id FROM acme_accounts"))[0][0]
    harness.approvals[bytes(account)] = Approvals(NameLists(dns=("a.example",)))
    harness.dns.set("a.example", "CAA", [NONE])
    order = await client.order("a.example")
    assert order["status"] == "ready"
    assert (await finalize(client, order, "a.example")).problem == "caa"


async def test_addresses_have_no_records_and_other_provisioners_do_not_ask(
    harness: ACMEHarness,
) -> None:
    client = await register(harness)
    order = await harness.ready(client, "127.0.0.1")
    assert order["status"] == "ready"
    csr = make_csr(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    assert (await client.post(order["finalize"], {"csr": csr}))["status"] == "valid"
    unchecked = await harness.register_client("other")
    harness.dns.set("a.example", "CAA", [NONE])
    allowed = await harness.ready(unchecked, "a.example")
    assert (await finalize(unchecked, allowed, "a.example"))["status"] == "valid"
    assert not [name for name, kind in harness.dns.asked if kind == "CAA"]
