"""The rate of certificates for one set of names: what was proved counts, and nothing else."""

import asyncio
import datetime as dt

import pytest

from fixtures.acme_account import Client, make_csr
from fixtures.acme_harness import ACMEHarness, make_harness
from fixtures.acme_requests import Reply
from newel.proto.common.v1 import error_pb2
from newel.registration.acme import ids
from newel.registration.policy.approvals import Approvals
from newel.step.policies import NameLists

NAMES = ("a.example", "b.example")
pytestmark = pytest.mark.attack("A22")


async def register(harness: ACMEHarness, provisioner: str = "acme") -> Client:
    """Return a client that need not prove names of the domain ``example``."""
    client = await harness.register_client(provisioner)
    account = ids.parse(client.kid.rpartition("/")[2])
    assert account
    harness.approvals[account] = Approvals(NameLists(dns=("*.example",)))
    return client


async def place(client: Client, *names: str) -> Reply:
    """Place an order that is ready at once."""
    order = await client.order(*names)
    assert (order.status, order["status"]) == (201, "ready"), order
    return order


async def finalize(client: Client, order: Reply, *names: str) -> Reply:
    return await client.post(order["finalize"], {"csr": make_csr(*names)})


async def test_equal_sets_of_names_are_limited_across_accounts(database_url: str) -> None:
    async with make_harness(database_url, order_rates={"names_orders": 2}) as harness:
        client, other = await register(harness), await register(harness)
        third = await place(client, *NAMES)
        for each in (client, other):
            order = await place(each, "B.example", "a.example")
            assert (await finalize(each, order, *NAMES)).status == 200
        for refused in (await client.order(*NAMES), await finalize(client, third, *NAMES)):
            assert (refused.problem, refused.header("retry-after")) == ("rateLimited", "1800")
            told = "too many certificates for this set of names: at most 2 in 3600 s"
            assert told in refused["detail"]
        # the order waits, and gets its certificate later
        assert (await client.post(third.header("location")))["status"] == "ready"
        fewer = await place(client, "a.example")
        assert (await finalize(client, fewer, "a.example")).status == 200
        foreign = await register(harness, "other")
        assert (await finalize(foreign, await place(foreign, *NAMES), *NAMES)).status == 200
        harness.clock.advance(dt.timedelta(seconds=1800))
        assert (await finalize(client, third, *NAMES))["status"] == "valid"
        # who asks again for what was answered is shown it, whatever the rate says
        assert (await finalize(client, third, *NAMES)).problem == "orderNotReady"


async def test_a_stranger_who_proves_nothing_uses_none_up(database_url: str) -> None:
    async with make_harness(database_url, order_rates={"names_orders": 1}) as harness:
        stranger, client = await harness.register_client(), await register(harness)
        for _ in range(3):
            order = await stranger.order("a.example")
            assert (order.status, order["status"]) == (201, "pending")
            refused = await finalize(stranger, order, "a.example")
            assert refused.problem == "orderNotReady"
        order = await place(client, "a.example")
        assert (await finalize(client, order, "a.example")).status == 200
        assert (await stranger.order("a.example")).problem == "rateLimited"


async def test_what_gets_no_certificate_is_given_back(database_url: str) -> None:
    async with make_harness(database_url, order_rates={"names_orders": 1}) as harness:
        client = await register(harness)
        order = await place(client, "a.example")
        # another CSR may come
        assert (await finalize(client, order, "b.example")).problem == "badCSR"
        account_key = make_csr("a.example", key=client.key)
        refused = await client.post(order["finalize"], {"csr": account_key})
        assert refused.problem == "badCSR"
        assert "account key" in refused["detail"]
        harness.issuing.refuse = error_pb2.Error(type="rejectedIdentifier", detail="not this one")
        assert (await finalize(client, order, "a.example")).status >= 400
        assert (await client.post(order.header("location")))["status"] == "invalid"
        harness.issuing.refuse = None
        order = await place(client, "a.example")
        assert (await finalize(client, order, "a.example")).status == 200
        assert (await client.order("a.example")).problem == "rateLimited"


async def test_fifty_at_once_get_as_many_certificates_as_the_rate_says(database_url: str) -> None:
    async with make_harness(database_url, order_rates={"names_orders": 3}) as harness:
        client = await register(harness)
        placed = [await place(client, "a.example") for _ in range(50)]
        replica = harness.rebuild()
        await replica.start()
        apps = (harness.acme.app, replica.app)

        async def end(number: int) -> int:
            mine = Client(apps[number % 2], key=client.key, kid=client.kid)
            return (await finalize(mine, placed[number], "a.example")).status

        statuses = await asyncio.gather(*map(end, range(50)))
        assert sorted(statuses) == [200] * 3 + [429] * 47
        counted = await harness.rows("SELECT status, count(*) FROM acme_orders GROUP BY status")
        assert dict(counted) == {"valid": 3, "pending": 47}
