"""What events missed is read from the issuing authority's lists ."""

import asyncio
import datetime as dt

from fixtures.catalogue import START, make_issued
from fixtures.inventory import Catalogue
from fixtures.issuing_lists import Records
from newel.proto.issuing.v1 import issuing_pb2


async def test_missed_certificates_and_revocations_are_filled_in(catalogue: Catalogue) -> None:
    first = make_issued("a.example")
    second = make_issued("a.example", renews=first, at=START + dt.timedelta(hours=1))
    other = make_issued("b.example", at=START + dt.timedelta(hours=1))
    records = Records()
    records.issued = [first.record, second.record, other.record]
    records.revoke(other, START)
    await catalogue.take(first.event)  # the others' events were lost
    catalogue.clock.advance(dt.timedelta(hours=2))
    compare = catalogue.reconciler(records)
    await compare.run()
    assert await catalogue.endpoint_of(second.serial) == await catalogue.endpoint_of(first.serial)
    entry = await catalogue.listing.certificate(other.serial)
    assert entry is not None
    assert entry.revoked_actively
    assert catalogue.registry.get_sample_value("newel_inventory_missed_total") == 2
    await compare.run()
    assert records.asked == [0, other.record.position]


async def test_the_newest_are_read_again(catalogue: Catalogue) -> None:
    """A neighbour of a fresh record may not have been committed: the cursor stays before it."""
    old = make_issued("a.example", at=START - dt.timedelta(hours=1))
    fresh, late = make_issued("b.example"), make_issued("c.example")
    records = Records()
    records.issued = [old.record, late.record]
    compare = catalogue.reconciler(records)
    await compare.run()
    records.issued = [old.record, fresh.record, late.record]
    await compare.run()
    assert records.asked == [0, old.record.position]
    assert await catalogue.endpoint_of(fresh.serial)


async def test_an_unreadable_record_is_passed_over(catalogue: Catalogue) -> None:
    good = make_issued("a.example")
    records = Records()
    records.issued = [issuing_pb2.Record(position=1, der=b"no"), good.record]
    await catalogue.reconciler(records).run()
    assert await catalogue.endpoint_of(good.serial)
    assert catalogue.audit.outcomes("inventory.record") == ["refused"]


async def test_reconciling_beside_the_events_takes_each_certificate_once(
    catalogue: Catalogue,
) -> None:
    line = [make_issued(f"host-{number}.example") for number in range(20)]
    records = Records()
    records.issued = [each.record for each in line]
    compare = catalogue.reconciler(records)
    await asyncio.gather(
        compare.run(), *(catalogue.take(each.event) for each in line), compare.run()
    )
    assert await catalogue.rows("SELECT count(*) FROM certificates") == [(20,)]
    assert await catalogue.rows("SELECT count(*) FROM endpoints") == [(20,)]
