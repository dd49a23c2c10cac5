"""A catalogue that earlier versions filled: misplaced certificates find their endpoint, once."""

import datetime as dt
from typing import Any

from fixtures.catalogue import START, IssuedCertificate, make_issued
from fixtures.inventory import Catalogue
from newel.inventory.endpoints import Placement, own_endpoint
from newel.inventory.projection import read_record
from newel.inventory.regrouping import Regrouper
from newel.inventory.storage.regrouping import RegroupingStorage
from newel.inventory.thresholds import warn_at
from newel.proto import subjects
from newel.proto.events.v1 import events_pb2
from newel.runtime.events.outbox import TableOutbox

DAY = dt.timedelta(days=1)
ACCOUNT: dict[str, Any] = {"kind": "ACME", "provisioner": "acme", "proof": "acme/acme/account/1"}
OWN: dict[str, Any] = {"kind": "", "provisioner": "", "proof": "registration"}


async def catalogue_as_before(catalogue: Catalogue, *certificates: IssuedCertificate) -> None:
    """Catalogues each certificate as an endpoint of its own."""
    records = [read_record(each.record) for each in certificates]
    placed = [Placement(record, own_endpoint(record.serial)) for record in records]
    warnings = [warn_at(record, catalogue.expiry) for record in records]
    await catalogue.storage.add(placed, warnings)


def outbox_of(catalogue: Catalogue) -> TableOutbox:
    return TableOutbox(catalogue.database, catalogue.clock)


async def regroup(catalogue: Catalogue) -> None:
    """Does what a restarted inventory does before its first tick."""
    storage = RegroupingStorage(catalogue.database, catalogue.storage)
    await Regrouper(storage, outbox_of(catalogue), catalogue.audit).run()


async def test_false_warnings_are_taken_back_and_true_ones_stay(catalogue: Catalogue) -> None:
    renewed = [make_issued("a.example", at=START + age * DAY, **ACCOUNT) for age in range(3)]
    own = [make_issued("localhost", at=START + age * DAY, **OWN) for age in range(3)]
    lapsing = make_issued("late.example", at=START + DAY, **ACCOUNT)
    by_token = [make_issued("t.example", at=START + age * DAY) for age in range(2)]
    await catalogue_as_before(catalogue, *renewed, *own, lapsing, *by_token)
    catalogue.clock.advance(DAY * 2)
    await catalogue.watch().tick()
    events = await catalogue.rows("SELECT subject FROM outbox")
    assert len(events) == 7  # two false ones of each kind, one true one, two of the tokens
    said = {subject for (subject,) in events}
    assert said == {subjects.ENDPOINT_EXPIRING, subjects.ENDPOINT_EXPIRED}

    await regroup(catalogue)
    rows = await catalogue.rows("SELECT subject, payload FROM outbox ORDER BY id")
    resolved = [
        events_pb2.EndpointRenewed.FromString(payload).superseded
        for subject, payload in rows
        if subject == subjects.ENDPOINT_RENEWED
    ]
    assert sorted(resolved) == sorted(each.serial for each in (*renewed[:2], *own[:2]))
    open_warnings = await catalogue.rows("SELECT warned FROM endpoints WHERE warned IS NOT NULL")
    assert {serial for (serial,) in open_warnings} == {
        lapsing.serial,
        *(each.serial for each in by_token),
    }
    assert len({await catalogue.endpoint_of(each.serial) for each in renewed}) == 1
    assert len({await catalogue.endpoint_of(each.serial) for each in own}) == 1
    assert len({await catalogue.endpoint_of(each.serial) for each in by_token}) == 2

    # what comes later joins, and a second start changes nothing
    later = make_issued("late.example", at=START + 2 * DAY, **ACCOUNT)
    await catalogue.take(later.event)
    assert await catalogue.endpoint_of(later.serial) == await catalogue.endpoint_of(lapsing.serial)
    before = await catalogue.rows("SELECT id, warned FROM endpoints ORDER BY id")
    await regroup(catalogue)
    assert await catalogue.rows("SELECT id, warned FROM endpoints ORDER BY id") == before
    await catalogue.watch().tick()
    ((subject, payload),) = await catalogue.rows(
        "SELECT subject, payload FROM outbox ORDER BY id DESC LIMIT 1"
    )
    assert subject == subjects.ENDPOINT_RENEWED
    assert events_pb2.EndpointRenewed.FromString(payload).superseded == lapsing.serial


async def test_a_catalogue_without_misplaced_certificates_stays_as_it_is(
    catalogue: Catalogue,
) -> None:
    one = make_issued("a.example", **ACCOUNT)
    await catalogue.take(one.event, make_issued("b.example").event)
    before = await catalogue.rows("SELECT * FROM endpoints ORDER BY id")
    await regroup(catalogue)
    assert await catalogue.rows("SELECT * FROM endpoints ORDER BY id") == before
    assert catalogue.audit.outcomes("inventory.regrouping") == []
