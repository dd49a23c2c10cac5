"""Rate limits, and how little memory they need."""

import datetime as dt
import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from fixtures.authority import AuditLog, CertificateAuthority
from fixtures.registration import RegistrationHarness, open_registration
from newel.registration.config import RateLimitsConfig
from newel.registration.metrics import Metrics
from newel.registration.rate_limits import Buckets, Limit, Rate, RateLimitedError, SharedBuckets
from newel.runtime.http.client_addresses import ClientAddresses
from newel.runtime.shared_table import SharedTable, TableMemory

pytestmark = pytest.mark.attack("A22")
NOW = 1.8e9


def take_many(buckets: Buckets, key: str, now: float, times: int) -> int:
    """How many of so many requests at one moment were let in."""
    return sum(not buckets.take(key, now) for _ in range(times))


def test_a_burst_then_the_rate_and_after_a_rest_the_burst_again() -> None:
    buckets = Buckets(Rate(2, 10), 1000)
    assert take_many(buckets, "a", NOW, 20) == 10
    assert buckets.take("a", NOW) == pytest.approx(0.5)
    assert sum(take_many(buckets, "a", NOW + second, 5) for second in range(1, 31)) == 60
    assert take_many(buckets, "a", NOW + 40, 20) == 10
    assert take_many(buckets, "b", NOW, 20) == 10


def test_workers_of_one_program_count_together() -> None:
    memory = TableMemory()
    workers = [
        SharedBuckets(Rate(2, 10), "address", SharedTable(memory.descriptor)) for _ in range(4)
    ]
    let_in = sum(not workers[number % 4].take(b"a", NOW) for number in range(40))
    assert let_in == 10
    assert workers[0].take(b"a", NOW) == pytest.approx(0.5)
    assert workers[1].take(b"b", NOW) == 0
    assert SharedBuckets(Rate(2, 10), "other", SharedTable(memory.descriptor)).take(b"a", NOW) == 0
    assert sum(not workers[n % 4].take(b"a", NOW + 1 + n // 8) for n in range(80)) == 20
    assert workers[0].take(b"a", NOW - 1e6) <= 0.5  # a clock that was set back


@pytest.mark.parametrize("back", [1.0, 3600.0, 1e9])
def test_no_client_waits_for_a_clock_that_is_set_back(back: float) -> None:
    buckets = Buckets(Rate(2, 10), 1000)
    take_many(buckets, "a", NOW, 20)
    assert buckets.take("a", NOW - back) <= 0.5
    assert buckets.take("a", NOW - back + 0.5) == 0


def test_any_number_of_clients_takes_the_same_memory_and_active_ones_are_not_forgotten() -> None:
    buckets = Buckets(Rate(0.001, 5), 1000)
    assert take_many(buckets, "eager", NOW, 9) == 5
    for number in range(20_000):
        buckets.take(f"passing {number}", NOW)
        assert number % 100 or buckets.take("eager", NOW) > 0
    assert len(buckets) <= 1000


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:1:2:3", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_one_client_is_an_address_or_a_64(one: str, other: str, same: bool) -> None:
    addresses = ClientAddresses(())
    assert (addresses.key(one) == addresses.key(other)) is same
    assert addresses.key(one) is not None


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "", "x"])
def test_the_loopback_is_not_limited_unless_it_is_said(address: str) -> None:
    assert ClientAddresses(RateLimitsConfig().exempt).key(address) is None
    networks = [ipaddress.ip_network("10.0.0.0/8")]
    assert (ClientAddresses(networks).key(address) is None) is (address in {"", "x"})


def test_refusals_are_counted_and_said_once_a_second() -> None:
    audit, registry = AuditLog(), CollectorRegistry()
    limit = Limit("address", Rate(0.01, 1), 1000, audit, Metrics(registry))
    limit.check("a", NOW, remote_address="192.0.2.1")
    for passed in (0, 0, 0.9, 1, 1.5, 2):
        with pytest.raises(RateLimitedError) as refused:
            limit.check("a", NOW + passed, remote_address="192.0.2.1")
        assert 98 <= refused.value.seconds <= 100
    name = "newel_registration_rate_limited_total"
    assert registry.get_sample_value(name, {"limit": "address"}) == 6
    assert [line[:2] for line in audit.lines] == [("rate-limit", "refused")] * 3
    assert [line[2] for line in audit.lines] == [
        {"cause": "address", "requests": count, "remote_address": "192.0.2.1"}
        for count in (1, 3, 2)
    ]


@pytest.fixture
async def ra(tmp_path: Path, authority: CertificateAuthority) -> AsyncIterator[RegistrationHarness]:
    """Three requests at once, one more every ten seconds; two accounts, no exemption."""
    limits = {
        "address": {"per_second": 0.1, "burst": 3},
        "new_account": {"per_second": 0.1, "burst": 2},
        "exempt": [],
    }
    opened = await open_registration(f"sqlite:///{tmp_path}/r.db", authority, rate_limits=limits)
    yield opened
    for hook in opened.service.stop:
        await hook()
    await opened.database.close()


@pytest.mark.parametrize("path", ["/health", "/1.0/sign", "/provisioners", "/nowhere"])
async def test_an_address_that_asks_too_often_is_told_when_to_come_back(
    ra: RegistrationHarness, path: str
) -> None:
    for _ in range(3):
        assert (await ra.call("GET", path)).status_code != 429
    refused = await ra.call("GET", path)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "10"
    assert refused.json() == {
        "status": 429,
        "message": "too many requests; try again in 10 s",
    }
    assert (await ra.call("GET", path, address="192.0.2.1")).status_code != 429
    ra.clock.advance(dt.timedelta(seconds=10))
    assert (await ra.call("GET", path)).status_code != 429
    assert (await ra.call("GET", path)).status_code == 429


async def test_acme_is_told_in_its_own_words(ra: RegistrationHarness) -> None:
    answers = [await ra.call("POST", "/acme/acme/new-account") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [415, 415, 429]
    problem: dict[str, Any] = answers[2].json()
    assert problem["type"] == "urn:ietf:params:acme:error:rateLimited"
    assert problem["status"] == 429
    assert answers[2].headers["content-type"] == "application/problem+json"
    assert answers[2].headers["retry-after"] == "10"
    assert [line[2]["cause"] for line in ra.audit.lines if line[0] == "rate-limit"] == [
        "new-account"
    ]
