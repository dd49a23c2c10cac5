"""Rates of orders hold over all replicas, with exact Retry-After; what only ever fails is paused."""

import asyncio
import datetime as dt
import ipaddress

import pytest
from pydantic import ValidationError

from fixtures.acme_account import Client
from fixtures.acme_harness import ACMEHarness, make_harness, provisioner
from fixtures.acme_requests import Reply
from fixtures.authority import EPOCH
from newel.registration.acme import ids
from newel.registration.acme.config import OrderRatesConfig
from newel.runtime.asgi import ASGIApp, Receive, Scope, Send
from newel.runtime.database.contract import Statement, Write
from newel.step.acme_profiles import ACMENewel

HOUR = dt.timedelta(hours=1)


@pytest.mark.attack("A22")
async def test_the_orders_of_an_account_are_limited_over_replicas(database_url: str) -> None:
    rates = {"account_orders": 4, "period": "1h"}
    async with make_harness(database_url, order_rates=rates) as harness:
        client, other = await harness.register_client(), await harness.register_client()
        replica = harness.rebuild()
        await replica.start()
        apps = (harness.acme.app, replica.app)

        async def place(number: int) -> int:
            mine = Client(apps[number % 2], key=client.key, kid=client.kid)
            return (await mine.order(f"host{number}.example")).status

        statuses = await asyncio.gather(*map(place, range(12)))
        assert sorted(statuses) == [201] * 4 + [429] * 8
        refused = await client.order("a.example")
        assert refused.problem == "rateLimited"
        assert "too many orders of this account: at most 4 in 3600 s" in refused["detail"]
        seconds = int(refused.header("retry-after"))
        assert seconds == 900
        assert (await other.order("a.example")).status == 201
        harness.clock.advance(dt.timedelta(seconds=seconds - 1))
        again = await client.order("a.example")
        assert (again.status, again.header("retry-after")) == (429, "1")
        harness.clock.advance(dt.timedelta(seconds=1))
        assert (await client.order("a.example")).status == 201
        assert harness.audit.outcomes("rate-limit")
        lines = [facts for event, _, facts in harness.audit.lines if event == "rate-limit"]
        assert lines[0]["cause"] == "acme-orders"
        counted = harness.registry.get_sample_value(
            "newel_registration_rate_limited_total", {"limit": "acme-orders"}
        )
        assert counted
        harness.clock.advance(2 * HOUR)
        await harness.sweep()
        assert await harness.rows("SELECT key FROM acme_rates") == []


@pytest.mark.attack("A22")
async def test_as_many_as_the_rate_says_pass_at_once_and_come_back_in_a_period(
    database_url: str,
) -> None:
    # a seventh of a second is no whole number of milliseconds, or of microseconds
    rates = {"account_orders": 7, "period": "1s"}
    async with make_harness(database_url, order_rates=rates) as harness:
        client = await harness.register_client()

        async def place_many() -> list[int]:
            replies = [await client.order(f"host{number}.example") for number in range(9)]
            return [each.status for each in replies]

        assert await place_many() == [201] * 7 + [429] * 2
        harness.clock.advance(dt.timedelta(microseconds=142_857))
        assert (await client.order("early.example")).status == 429
        harness.clock.advance(dt.timedelta(microseconds=1))
        assert (await client.order("now.example")).status == 201
        assert (await client.order("early.example")).status == 429
        harness.clock.advance(dt.timedelta(days=1))
        assert await place_many() == [201] * 7 + [429] * 2


@pytest.mark.attack("A22")
async def test_an_order_that_is_refused_counts_for_no_rate(database_url: str) -> None:
    rates = {"account_orders": 2, "failures": 1}
    async with make_harness(database_url, order_rates=rates) as harness:
        client, other = await harness.register_client(), await harness.register_client()
        late = {"notAfter": "1999-01-01T00:00:00Z"}
        assert (await client.order("bad.example", **late)).status == 400
        assert (await client.order("bad.example", replaces="AAAA.AAAA")).status >= 400
        nonce = await client.nonce()
        body = {"identifiers": [{"type": "dns", "value": "a.example"}]}
        assert (await client.post("new-order", body, nonce=nonce)).status == 201
        assert (await client.post("new-order", body, nonce=nonce)).problem == "badNonce"
        # one more; then what failed, with new names
        assert (await client.order("bad.example")).status == 201
        assert "of this account" in (await client.order("last.example"))["detail"]
        await fail(harness, other, "failing.example")
        assert "is paused" in (await other.order("failing.example", "x.example"))["detail"]
        assert (await other.order("x.example")).status == 201
        assert "of this account" in (await other.order("y.example"))["detail"]


@pytest.mark.attack("A22")
async def test_the_longest_of_the_waits_is_told(database_url: str) -> None:
    rates = {"account_orders": 4, "address_orders": 5}
    async with make_harness(database_url, order_rates=rates) as harness:
        client, other = await harness.register_client(), await harness.register_client()
        client.app = other.app = place_at(harness.acme.app, "192.0.2.1")
        for number in range(4):
            assert (await client.order(f"host{number}.example")).status == 201
        assert (await other.order("host4.example")).status == 201
        refused = await client.order("host5.example")
        assert refused.header("retry-after") == "900"
        assert "too many orders of this account: at most 4 in 3600 s" in refused["detail"]
        refused = await other.order("host5.example")
        assert refused.header("retry-after") == "720"
        assert "too many orders of this address: at most 5 in 3600 s" in refused["detail"]


@pytest.mark.attack("A22")
async def test_orders_that_are_refused_hold_no_rate_of_others_meanwhile(database_url: str) -> None:
    rates = {"account_orders": 5, "address_orders": 10}
    async with make_harness(database_url, order_rates=rates) as harness:
        greedy, other = await harness.register_client(), await harness.register_client()
        replica = harness.rebuild()
        await replica.start()
        apps = [place_at(each.app, "192.0.2.1") for each in (harness.acme, replica)]

        async def place(client: Client, number: int) -> int:
            mine = Client(apps[number % 2], key=client.key, kid=client.kid)
            return (await mine.order(f"host{number}.example", f"b{number}.example")).status

        asked = [place(greedy, number) for number in range(45)]
        asked += [place(other, number) for number in range(5)]
        statuses = await asyncio.gather(*asked)
        assert sorted(statuses[:45]) == [201] * 5 + [429] * 40
        assert statuses[45:] == [201] * 5
        full = dict(await harness.rows("SELECT key, full_at FROM acme_rates"))
        now, hour = int(EPOCH.timestamp()) * 10**9, 3600 * 10**9
        assert [full[key] - now for key in full if key.startswith(b"address")] == [hour]
        assert [full[key] - now for key in full if key.startswith(b"account")] == [hour, hour]
        # of those that were refused there is nothing
        assert await harness.rows("SELECT count(*) FROM acme_orders") == [(10,)]
        assert await harness.rows("SELECT count(*) FROM acme_authorizations") == [(20,)]


async def test_a_request_that_is_cancelled_counts_if_its_order_was_placed(
    database_url: str,
) -> None:
    rates = {"account_orders": 400, "address_orders": 1000}
    async with make_harness(database_url, order_rates=rates) as harness:
        client = await harness.register_client()
        run = asyncio.get_running_loop().create_task
        asked = [run(client.order(f"host{number}.example")) for number in range(40)]
        for each in asked[::2]:
            for _ in range(3):
                await asyncio.sleep(0)
            each.cancel()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert any(isinstance(each, asyncio.CancelledError) for each in outcomes)
        # what was cancelled is written later, or not at all
        assert (await client.order("last.example")).status == 201
        ((placed,),) = await harness.rows("SELECT count(*) FROM acme_orders")
        now = int(EPOCH.timestamp()) * 10**9
        key = b"account-orders:" + (ids.parse(client.kid.rpartition("/")[2]) or b"")
        ((full,),) = await harness.rows("SELECT full_at FROM acme_rates WHERE key = $1", key)
        assert (full - now) / (9 * 10**9) == placed
        assert placed >= 21


async def test_a_clock_that_was_set_back_lengthens_no_wait_beyond_the_period(
    database_url: str,
) -> None:
    async with make_harness(database_url, order_rates={"account_orders": 2}) as harness:
        client = await harness.register_client()
        await harness.database.apply(
            Write(
                Statement("INSERT INTO acme_rates (key, full_at) VALUES ($1, $2)"),
                (
                    b"account-orders:" + (ids.parse(client.kid.rpartition("/")[2]) or b""),
                    9 * 10**18,
                ),
            )
        )
        refused = await client.order("a.example")
        assert (refused.status, refused.header("retry-after")) == (429, "1800")
        harness.clock.advance(dt.timedelta(seconds=1800))
        assert (await client.order("a.example")).status == 201


def place_at(app: ASGIApp, address: str) -> ASGIApp:
    """Make requests come from an address."""

    async def ask(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "client": (address, 40_000)}, receive, send)

    return ask


@pytest.mark.attack("A22")
async def test_the_orders_of_an_address_are_limited_for_all_its_accounts(database_url: str) -> None:
    rates = {"address_orders": 2}
    exempt = [ipaddress.ip_network("10.0.0.0/8")]
    async with make_harness(database_url, order_rates=rates, exempt=exempt) as harness:

        async def order(address: str, name: str) -> Reply:
            client = Client(place_at(harness.acme.app, address))
            assert (await client.register()).status == 201
            return await client.order(name)

        # of one /64
        assert (await order("2001:db8::1", "a.example")).status == 201
        assert (await order("2001:db8::ffff:2", "b.example")).status == 201
        refused = await order("2001:db8::3", "c.example")
        assert (refused.problem, refused.header("retry-after")) == ("rateLimited", "1800")
        assert "too many orders of this address: at most 2 in 3600 s" in refused["detail"]
        assert (await order("2001:db8:0:1::1", "c.example")).status == 201
        (line,) = [facts for event, _, facts in harness.audit.lines if event == "rate-limit"]
        assert line["remote_address"] == "2001:db8::3"
        # an IPv4 address however it is spelled; a balancer is not counted
        found = ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1", "192.0.2.2", *["10.1.1.1"] * 3]
        statuses = [(await order(each, "d.example")).status for each in found]
        assert statuses == [201, 201, 429, 201, 201, 201, 201]


async def fail(harness: ACMEHarness, client: Client, name: str) -> None:
    order = await client.order(name)
    assert order.status == 201, order
    (authorization,) = order["authorizations"]
    challenge = await client.challenge(authorization, "http-01")
    await client.post(challenge["url"], {})
    assert (await client.poll(authorization))["status"] == "invalid"
    harness.clock.advance(dt.timedelta(seconds=60))


@pytest.mark.attack("A22")
async def test_what_only_ever_fails_is_paused_and_told_why(database_url: str) -> None:
    async with make_harness(database_url, order_rates={"failures": 3}) as harness:
        client, other = await harness.register_client(), await harness.register_client()
        for _ in range(3):
            await fail(harness, client, "a.example")
        for names in (("a.example",), ("b.example", "a.example")):
            refused = await client.order(*names)
            assert refused.problem == "rateLimited"
            assert "a.example is paused for this account" in refused["detail"]
            assert "its last 3 validations failed" in refused["detail"]
            assert "answers with the status 404" in refused["detail"]
            # the first failure is three minutes old
            assert refused.header("retry-after") == str(3600 - 180)
        assert (await client.order("b.example")).status == 201
        assert (await other.order("a.example")).status == 201
        harness.clock.advance(dt.timedelta(seconds=3600 - 180))
        assert (await client.order("a.example")).status == 201


@pytest.mark.attack("A22")
async def test_what_is_paused_is_not_validated_in_advance_either(database_url: str) -> None:
    async with make_harness(database_url, order_rates={"failures": 2}) as harness:
        own = ACMENewel(preauthorization=True)
        harness.provisioners["acme"] = provisioner(newel=own)
        client = await harness.register_client()
        asked = {"identifier": {"type": "dns", "value": "a.example"}}
        proved = await client.post("new-authz", asked)
        for _ in range(2):
            await fail(harness, client, "a.example")
        refused = await client.post("new-authz", asked)
        assert refused.problem == "rateLimited"
        assert "a.example is paused for this account" in refused["detail"]
        assert harness.audit.outcomes("rate-limit")
        # a proof that was made in advance is of use all the same: nothing is validated
        url = proved.header("location")
        challenge = await client.challenge(url, "http-01")
        harness.web.present(client, challenge["token"])
        await client.post(challenge["url"], {})
        assert (await client.poll(url))["status"] == "valid"
        order = await client.order("a.example")
        assert (order.status, order["status"]) == (201, "ready")


async def test_failures_of_this_server_pause_no_name(database_url: str) -> None:
    async with make_harness(database_url, order_rates={"failures": 2}) as harness:
        client = await harness.register_client()
        for _ in range(2):
            await fail(harness, client, "a.example")
        problem = '{"type":"urn:ietf:params:acme:error:serverInternal","detail":"it was busy"}'
        await harness.database.apply(
            Write(Statement("UPDATE acme_authorizations SET error = $1"), (problem,))
        )
        assert (await client.order("a.example")).status == 201


async def test_a_proof_ends_the_count(database_url: str) -> None:
    async with make_harness(database_url, order_rates={"failures": 2}) as harness:
        client = await harness.register_client()
        await fail(harness, client, "a.example")
        await fail(harness, client, "a.example")
        assert (await client.order("a.example")).status == 429
        harness.clock.advance(HOUR)
        await fail(harness, client, "a.example")
        assert (await harness.ready(client, "a.example"))["status"] == "ready"
        harness.clock.advance(dt.timedelta(seconds=1))
        await fail(harness, client, "a.example")
        assert (await client.order("a.example")).status == 201


def test_settings_that_limit_nothing_are_refused() -> None:
    with pytest.raises(ValidationError, match="are no limit"):
        OrderRatesConfig.model_validate({"account_orders": 5000, "period": "1s"})
    with pytest.raises(ValidationError):
        OrderRatesConfig.model_validate({"failures": -1})
