"""Endpoint-months and certificate-months: what is counted, and that a recount says the same."""

import asyncio
import csv
import datetime as dt
import io
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.catalogue import ISSUER, START, IssuedCertificate, make_issued, revocation_event
from fixtures.inventory import Catalogue, inventory_client, start_meter
from newel.inventory import metering
from newel.inventory.metering import Account, Meter, MeteredCertificate, Month, Report, Usage
from newel.inventory.storage.metering import MeteringStorage
from newel.runtime.database.contract import Statement, Write
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.roles import Role

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
NOVEMBER = Month(2026, 11)
FIRST = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
DECEMBER = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
CLEAR = [
    Write(Statement("DELETE FROM certificates"), ()),
    Write(Statement("DELETE FROM endpoints"), ()),
]
PROVISIONERS = (("admin", True), ("mesh", True), ("people", False))
ADMIN = Account(ISSUER, "admin")


@pytest.fixture(autouse=True)
def wait_for_a_slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "_WAIT_SECONDS", 60)


async def count(catalogue: Catalogue, month: Month = NOVEMBER) -> Report:
    """A report that was never asked for before."""
    return await start_meter(MeteringStorage(catalogue.database), catalogue.clock).report(month)


async def wait_until(catalogue: Catalogue, moment: dt.datetime) -> None:
    """Let the time pass."""
    catalogue.clock.advance(moment - catalogue.clock.now())


class Grant(NamedTuple):
    """A certificate of a history: hours from the middle of the history, and how it came to be."""

    issued: int
    life: int
    provisioner: int
    issuer: int
    renews: int | None  # which of those before it
    revoked: int | None  # hours after the issuance
    subject: int


GRANTS = st.builds(
    Grant,
    issued=st.integers(-1200, 0),
    life=st.integers(1, 1200),
    provisioner=st.integers(0, 2),
    issuer=st.integers(0, 1),
    renews=st.none() | st.integers(0, 9),
    revoked=st.none() | st.integers(0, 1200),
    subject=st.integers(0, 1),
)


class RawCertificate(NamedTuple):
    """What a recount goes by."""

    endpoint: object
    account: Account
    serial: bytes
    issued: int
    ended: int

    def is_active(self, moment: int) -> bool:
        """Whether it has been issued and has neither expired nor been revoked."""
        return self.issued <= moment < self.ended


def recount(certificates: Sequence[RawCertificate], start: int, until: int) -> dict[str, Usage]:
    """Look at every moment at which anything changes. No order, no sums that are carried along."""
    edges = {start, until}
    for each in certificates:
        edges |= {edge for edge in (each.issued, each.ended) if start < edge < until}
    moments = sorted(edges)
    found: dict[Any, Usage] = {}
    seen: dict[Any, set[object]] = {}
    for begin, end in itertools.pairwise(moments):
        for endpoint in {each.endpoint for each in certificates}:
            active = [c for c in certificates if c.endpoint == endpoint and c.is_active(begin)]
            for each in active:
                usage = found.setdefault(each.account, Usage())
                usage.certificate_seconds += end - begin
                seen.setdefault((each.account, "certificates"), set()).add(each.serial)
            if active:
                last = max(active, key=lambda each: (each.issued, each.serial))
                more = max(0, len(active) - 3)
                found[last.account].endpoint_seconds += (1 + more) * (end - begin)
                found[last.account].additional_seconds += more * (end - begin)
                seen.setdefault((last.account, "endpoints"), set()).add(endpoint)
    for (account, member), things in seen.items():
        setattr(found[account], member, len(things))
    for each in certificates:
        if start <= each.issued < until:
            found.setdefault(each.account, Usage()).issued += 1
    return found


async def tell(catalogue: Catalogue, history: Sequence[Grant]) -> list[RawCertificate]:
    """Have the catalogue take a history, and return its certificates as a recount reads them."""
    issued: list[IssuedCertificate] = []
    raw: list[RawCertificate] = []
    revocations: list[Any] = []
    for number, grant in enumerate(history):
        at = START + grant.issued * HOUR
        name, renewable = PROVISIONERS[grant.provisioner]
        before = grant.renews % number if grant.renews is not None and number else None
        subject = f"h{grant.subject}.example"
        made = make_issued(
            subject, provisioner=name, renewable=renewable, issuer=f"issuer{grant.issuer}",
            renews=None if before is None else issued[before], at=at, life=grant.life * HOUR,
        )  # fmt: skip # one certificate
        endpoint: object = made.serial if renewable else subject
        if before is not None:
            endpoint = raw[before].endpoint
        ended = int(x509.load_der_x509_certificate(made.der).not_valid_after_utc.timestamp())
        if grant.revoked is not None:
            revoked_at = at + grant.revoked * HOUR
            revocations.append(revocation_event(made, at=revoked_at))
            ended = min(ended, int(revoked_at.timestamp()))
        account = Account(f"issuer{grant.issuer}", name)
        issued.append(made)
        raw.append(RawCertificate(endpoint, account, made.serial, int(at.timestamp()), ended))
    await catalogue.take(*(each.event for each in reversed(issued)), *revocations)
    return raw


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=st.lists(GRANTS, max_size=14), page=st.integers(1, 5))
async def test_a_report_equals_a_recount_of_the_certificates(
    catalogue: Catalogue, history: list[Grant], page: int
) -> None:
    await catalogue.database.apply(*CLEAR)
    raw = await tell(catalogue, history)
    now = int(START.timestamp())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metering, "PAGE", page)
        for month in (Month(2026, 10), NOVEMBER):
            report = await count(catalogue, month)
            until = min(month.end, now)
            assert report.counted_until == until
            assert dict(report.usages) == recount(raw, month.start, until)
            assert report.total.endpoint_seconds == sum(
                each.endpoint_seconds for each in report.usages.values()
            )
            assert report.total.endpoints == len(
                {
                    each.endpoint
                    for each in raw
                    if max(each.issued, month.start) < min(each.ended, until)
                }
            )


async def test_thirty_days_cost_the_same_in_one_certificate_and_in_sixty(
    catalogue: Catalogue,
) -> None:
    await catalogue.take(make_issued("a.example", at=FIRST, life=30 * DAY).event)
    each = make_issued("b.example", provisioner="short", at=FIRST, life=DAY)
    await catalogue.take(each.event)
    for number in range(1, 60):
        at = FIRST + number * 12 * HOUR
        each = make_issued("b.example", provisioner="short", at=at, life=DAY, renews=each)
        await catalogue.take(each.event)
    await wait_until(catalogue, DECEMBER)
    report = await count(catalogue)
    long, short = report.usages[ADMIN], report.usages[Account(ISSUER, "short")]
    assert long.endpoint_seconds == short.endpoint_seconds == NOVEMBER.end - NOVEMBER.start
    assert (long.endpoints, short.endpoints, report.total.endpoints) == (1, 1, 2)
    assert (long.issued, short.issued) == (1, 60)
    assert short.certificate_seconds == 59 * 86400 + 43200, "by certificates, sixty cost more"


@pytest.mark.parametrize(("active", "billed"), [(1, 1), (3, 1), (4, 2), (5, 3)])
async def test_each_active_certificate_above_three_counts_as_an_endpoint_more(
    catalogue: Catalogue, active: int, billed: int
) -> None:
    issued = [
        make_issued("a.example", renewable=False, at=FIRST, life=60 * DAY) for _ in range(active)
    ]
    await catalogue.take(*(each.event for each in issued))
    await wait_until(catalogue, DECEMBER)
    report = await count(catalogue)
    whole = NOVEMBER.end - NOVEMBER.start
    assert report.total.endpoint_seconds == billed * whole
    assert report.total.additional_seconds == (billed - 1) * whole
    assert report.total.certificate_seconds == active * whole


async def test_a_revoked_certificate_frees_its_place_at_once(catalogue: Catalogue) -> None:
    issued = [make_issued("a.example", renewable=False, at=FIRST, life=60 * DAY) for _ in range(4)]
    await catalogue.take(*(each.event for each in issued))
    await catalogue.take(revocation_event(issued[0], at=FIRST + 10 * DAY))
    await wait_until(catalogue, DECEMBER)
    assert (await count(catalogue)).total.endpoint_seconds == (2 * 10 + 20) * 86400


async def test_an_endpoint_ends_with_its_last_certificate(catalogue: Catalogue) -> None:
    first = make_issued("a.example", at=FIRST, life=10 * DAY)
    second = make_issued("a.example", at=FIRST + 5 * DAY, life=10 * DAY, renews=first)
    await catalogue.take(first.event, second.event)
    await catalogue.take(revocation_event(second, at=FIRST + 8 * DAY))
    await wait_until(catalogue, DECEMBER)
    assert (await count(catalogue)).total.endpoint_seconds == 10 * 86400


async def test_a_renewal_moves_the_endpoint_to_its_authority_and_provisioner(
    catalogue: Catalogue,
) -> None:
    old = make_issued("a.example", at=FIRST, life=20 * DAY, issuer="old")
    new = make_issued("a.example", at=FIRST + 10 * DAY, life=20 * DAY, issuer="new", renews=old)
    await catalogue.take(old.event, new.event)
    await wait_until(catalogue, DECEMBER)
    report = await count(catalogue)
    found = {
        account.issuer: usage.endpoint_seconds // 86400 for account, usage in report.usages.items()
    }
    assert found == {"old": 10, "new": 20}
    assert report.total.endpoints == 1, "an endpoint of two authorities is one endpoint"


async def test_a_month_that_is_under_way_is_counted_up_to_now(catalogue: Catalogue) -> None:
    await catalogue.take(make_issued("a.example", at=START - 2 * HOUR, life=30 * DAY).event)
    report = await count(catalogue)
    assert report.counted_until == int(START.timestamp())
    assert report.total.endpoint_seconds == 7200
    with pytest.raises(NewelError, match=r"2026-12 has not begun"):
        await count(catalogue, Month(2026, 12))


async def test_a_report_is_counted_again_after_some_seconds(catalogue: Catalogue) -> None:
    meter = start_meter(MeteringStorage(catalogue.database), catalogue.clock)
    before = await meter.report()
    await catalogue.take(make_issued("a.example").event)
    assert await meter.report() is before
    catalogue.clock.advance(dt.timedelta(seconds=10))
    assert (await meter.report()).total.endpoint_seconds == 10


class HeldStorage(MeteringStorage):
    """The table of certificates, which answers when it is let."""

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__(catalogue.database)
        self.may_answer = asyncio.Event()
        self.is_asked = asyncio.Event()
        self.questions = 0
        self.faults: list[NewelError] = []

    async def certificates(
        self, start: int, until: int, after: MeteredCertificate | None, limit: int
    ) -> Sequence[MeteredCertificate]:
        self.questions += 1
        self.is_asked.set()
        await self.may_answer.wait()
        if self.faults:
            raise self.faults.pop()
        return await super().certificates(start, until, after, limit)


async def test_a_count_goes_on_when_its_caller_gives_up_and_its_report_is_given_to_the_next(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    await catalogue.take(make_issued("a.example").event)
    catalogue.clock.advance(HOUR)
    storage = HeldStorage(catalogue)
    meter = start_meter(storage, catalogue.clock)
    caller = asyncio.get_running_loop().create_task(meter.report(NOVEMBER))
    await storage.is_asked.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    with monkeypatch.context() as impatient:
        impatient.setattr(metering, "_WAIT_SECONDS", 0)
        with pytest.raises(NewelError, match="usage of 2026-11 is being counted") as refused:
            await meter.report(NOVEMBER)
    assert refused.value.type is ErrorType.UNAVAILABLE
    catalogue.clock.advance(dt.timedelta(seconds=40))
    waits = asyncio.get_running_loop().create_task(meter.report(NOVEMBER))
    await asyncio.sleep(0)
    storage.may_answer.set()
    report = await waits
    assert report.total.issued == 1
    catalogue.clock.advance(dt.timedelta(seconds=199))
    assert await meter.report(NOVEMBER) is report, "what took 40 seconds is kept for 200"
    assert storage.questions == 1
    catalogue.clock.advance(dt.timedelta(seconds=1))
    assert await meter.report(NOVEMBER) is not report


async def test_only_a_few_months_are_counted_at_once(catalogue: Catalogue) -> None:
    storage = HeldStorage(catalogue)
    meter = start_meter(storage, catalogue.clock)
    callers = [
        asyncio.get_running_loop().create_task(meter.report(Month(2026, number)))
        for number in range(1, 5)
    ]
    await storage.is_asked.wait()
    with pytest.raises(NewelError, match="Several months are being counted already"):
        await meter.report(NOVEMBER)
    storage.may_answer.set()
    assert [each.month.number for each in await asyncio.gather(*callers)] == [1, 2, 3, 4]
    assert (await meter.report(NOVEMBER)).month == NOVEMBER


async def test_a_count_that_fails_is_tried_again_by_the_next_who_ask(catalogue: Catalogue) -> None:
    storage = HeldStorage(catalogue)
    storage.faults.append(NewelError(ErrorType.UNAVAILABLE, "the database is unreachable"))
    storage.may_answer.set()
    meter = start_meter(storage, catalogue.clock)
    with pytest.raises(NewelError, match="the database is unreachable"):
        await meter.report(NOVEMBER)
    assert (await meter.report(NOVEMBER)).month == NOVEMBER


async def test_who_waits_for_a_count_is_told_when_the_inventory_stops(catalogue: Catalogue) -> None:
    storage = HeldStorage(catalogue)
    meter = Meter(storage, catalogue.clock)
    loop = asyncio.get_running_loop()
    work, caller = loop.create_task(meter.run()), loop.create_task(meter.report(NOVEMBER))
    await storage.is_asked.wait()
    work.cancel()
    with pytest.raises(NewelError, match="The inventory stops"):
        await caller
    with pytest.raises(asyncio.CancelledError):
        await work


async def test_a_report_is_read_as_json_and_as_csv(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    await catalogue.take(
        make_issued("a.example", provisioner="=evil", at=FIRST, life=15 * DAY).event
    )
    catalogue.clock.advance(HOUR)
    async with inventory_client(catalogue, ada.der, Role.VIEWER) as http:
        document = (await http.get("/inventory/metering", params={"month": "2026-11"})).json()
        current = (await http.get("/inventory/metering")).json()
        answer = await http.get("/inventory/metering", params={"month": "2026-11", "format": "csv"})
    assert document == current
    assert (document["is_complete"], document["counted_until"]) == (False, "2026-11-21T13:00:00Z")
    rows = {each["provisioner"]: each for each in document["usages"]}
    assert rows["=evil"]["endpoint_months"] == 0.5
    assert rows["people"]["issued"] == 1
    assert document["total"]["endpoints"] == 2
    assert answer.headers["content-type"].startswith("text/csv")
    assert "metering-2026-11.csv" in answer.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert [each["provisioner"] for each in lines] == ["'=evil", "people"], "no cell is a formula"
    assert lines[0]["month"] == "2026-11"
    assert lines[0]["endpoint_seconds"] == str(15 * 86400)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("month=2026-13", "The parameter 'month' must be a month as in 2026-11."),
        ("month=20261-1", "The parameter 'month' must be a month as in 2026-11."),
        ("month=november", "The parameter 'month' must be a month as in 2026-11."),
        ("month=2026-12", "The month 2026-12 has not begun."),
        ("format=xml", "The parameter 'format' must be one of json, csv."),
        ("months=2026-11", "The parameter 'months' is unknown; there are month, format."),
    ],
)
async def test_a_report_that_cannot_be_is_refused_by_what_is_wrong(
    catalogue: Catalogue, ada: IssuedCertificate, query: str, said: str
) -> None:
    async with inventory_client(catalogue, ada.der) as http:
        refused = await http.get(f"/inventory/metering?{query}")
    assert refused.status_code == 400
    assert refused.json()["detail"] == said


async def test_a_month_without_certificates_has_a_heading_alone(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    async with inventory_client(catalogue, ada.der) as http:
        answer = await http.get("/inventory/metering?month=2020-01&format=csv")
    assert answer.text.startswith('"month","provisioner","issuer","endpoints","endpoint_seconds"')
    assert len(answer.text.splitlines()) == 1
