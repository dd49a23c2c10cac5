"""That a certificate has no successor is told when it is known, and not when it was not seen."""

import datetime as dt

from fixtures.catalogue import START, IssuedCertificate, make_issued
from fixtures.inventory import Catalogue
from fixtures.issuing_lists import Records
from newel.inventory.completeness import Completeness
from newel.inventory.config import Expiry
from newel.proto import subjects
from newel.proto.events.v1 import events_pb2

HOUR = dt.timedelta(hours=1)
MINUTE = dt.timedelta(minutes=1)
LIFE = 100 * HOUR


async def read_events(catalogue: Catalogue) -> list[tuple[str, events_pb2.EndpointExpiring]]:
    rows = await catalogue.rows("SELECT subject, payload FROM outbox ORDER BY id")
    return [(each, events_pb2.EndpointExpiring.FromString(payload)) for each, payload in rows]


async def take_habit(catalogue: Catalogue, records: Records) -> IssuedCertificate:
    """One endpoint that was renewed every forty hours, as events and in the lists."""
    last: IssuedCertificate | None = None
    for hours in range(0, 161, 40):
        at = START + hours * HOUR
        last = make_issued("a.example", renews=last, at=at, life=LIFE)
        records.issued.append(last.record)
        await catalogue.take(last.event)
    assert last is not None
    catalogue.clock.advance(160 * HOUR)
    return last


async def test_a_renewal_that_waits_on_the_bus_is_found_before_it_is_missed(
    catalogue: Catalogue,
) -> None:
    records = Records()
    last = await take_habit(catalogue, records)
    expiry = Expiry(pause=1000 * HOUR)
    completeness = Completeness(catalogue.reconciler(records), catalogue.clock, expiry)
    watch = catalogue.watch_by(completeness)
    await watch.tick()
    at = START + 200 * HOUR
    new = make_issued("a.example", renews=last, at=at, life=LIFE)
    records.issued.append(new.record)  # its event does not come
    for hours in (46, 30, 10):  # not as usual, about to expire, and the new one's usual time
        catalogue.clock.advance(hours * HOUR)
        await watch.tick()
        await watch.tick()
        if hours != 10:
            assert await read_events(catalogue) == []
    ((subject, event),) = await read_events(catalogue)
    assert (subject, event.serial) == (subjects.ENDPOINT_UNRENEWED, new.serial)


async def test_what_became_late_while_no_one_looked_is_told_at_a_second_look(
    catalogue: Catalogue,
) -> None:
    records = Records()
    late, back = (make_issued(f"{name}.example", life=LIFE) for name in ("late", "back"))
    for each in (late, back):
        records.issued.append(each.record)
        await catalogue.take(each.event)
    before = catalogue.watch(records)
    await before.tick()
    catalogue.clock.advance(80 * HOUR)  # everything was down
    after = catalogue.watch(records)
    for _ in range(3):
        await after.tick()
    assert await read_events(catalogue) == []
    new = make_issued("back.example", renews=back, at=catalogue.clock.now(), life=LIFE)
    await catalogue.take(new.event)
    records.issued.append(new.record)
    for _ in range(5):
        catalogue.clock.advance(MINUTE)
        await after.tick()
    ((subject, event),) = await read_events(catalogue)
    assert (subject, event.serial) == (subjects.ENDPOINT_EXPIRING, late.serial)


async def test_workers_that_restart_all_the_time_tell_of_it_too(catalogue: Catalogue) -> None:
    records = Records()
    late = make_issued("a.example", life=LIFE)
    records.issued.append(late.record)
    await catalogue.take(late.event)
    for hours in (80, 1, 20, 1):
        catalogue.clock.advance(hours * HOUR)
        await catalogue.watch(records).tick()
    assert [subject for subject, _ in await read_events(catalogue)] == [
        subjects.ENDPOINT_EXPIRING,
        subjects.ENDPOINT_EXPIRED,
    ]


async def test_without_the_lists_no_habit_is_missed_and_an_expiry_is_told_late_with_the_reason(
    catalogue: Catalogue,
) -> None:
    last = await take_habit(catalogue, Records())
    unreachable = catalogue.reconciler(None)
    completeness = Completeness(unreachable, catalogue.clock, Expiry(pause=1000 * HOUR))
    watch = catalogue.watch_by(completeness)
    await watch.tick()
    for _ in range(3):
        catalogue.clock.advance(24 * HOUR)
        await watch.tick()
    assert await read_events(catalogue) == []  # 72 hours: it would have been renewed at 40
    failed_since = completeness.failed_since
    assert failed_since == int((START + (160 + 48) * HOUR).timestamp())
    catalogue.clock.advance(4 * HOUR)
    await watch.tick()
    ((subject, event),) = await read_events(catalogue)
    assert (subject, event.serial) == (subjects.ENDPOINT_EXPIRING, last.serial)
    assert event.unseen_since.seconds == failed_since
