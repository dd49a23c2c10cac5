"""What is said of a certificate without successor: not renewed as usual, expiring, expired."""

import datetime as dt

import pytest

from fixtures.catalogue import START, IssuedCertificate, make_issued, revocation_event
from fixtures.inventory import Catalogue
from newel.inventory.app import REVISION
from newel.inventory.config import Expiry
from newel.inventory.lookup import MetadataKey
from newel.inventory.storage.metadata import MetadataStorage
from newel.proto import subjects
from newel.proto.events.v1 import events_pb2
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.database.migrations import migrate

HOUR = dt.timedelta(hours=1)
LIFE = 100 * HOUR
OLD_CERTIFICATE = Statement("""
    INSERT INTO certificates (serial, issuer, endpoint, common_name, names, provisioner,
        provisioner_type, proof, not_before, not_after, issued_at, fingerprint, warn_at, said_at)
    VALUES ($1, 'i', 'c-01', 'a.example', '', 'admin', 'JWK', '', $2, $3, $2, $1, $2, $2)""")
OLD_ENDPOINT = Statement("""
    INSERT INTO endpoints (id, common_name, names, provisioner, provisioner_type, opened_at,
        last_serial, last_not_after, warned)
    VALUES ('c-01', 'a.example', '', 'admin', 'JWK', $2, $1, $3, $1)""")


async def read_events(catalogue: Catalogue) -> list[tuple[str, events_pb2.EndpointExpiring]]:
    rows = await catalogue.rows("SELECT subject, payload FROM outbox ORDER BY id")
    return [(each, events_pb2.EndpointExpiring.FromString(payload)) for each, payload in rows]


async def read_subjects(catalogue: Catalogue) -> list[str]:
    return [
        subject for (subject,) in await catalogue.rows("SELECT subject FROM outbox ORDER BY id")
    ]


async def renew(
    catalogue: Catalogue, *parts: int, first: int = 0, kind: str = "JWK"
) -> IssuedCertificate:
    """One endpoint's certificates of a hundred hours, each renewed after so many hours."""
    at = START + first * HOUR
    last = make_issued("a.example", at=at, life=LIFE, kind=kind)
    await catalogue.take(last.event)
    for part in parts:
        at += part * HOUR
        last = make_issued("a.example", at=at, life=LIFE, kind=kind, renews=last)
        await catalogue.take(last.event)
    catalogue.clock.advance(at - catalogue.clock.now())
    return last


async def test_what_is_not_renewed_is_said_to_be_expiring_and_then_to_have_expired(
    catalogue: Catalogue,
) -> None:
    only = await renew(catalogue)
    watch = catalogue.watch()
    for _ in range(102):
        await watch.tick()
        await watch.tick()
        catalogue.clock.advance(HOUR)
    told = await read_events(catalogue)
    assert [each for each, _ in told] == [subjects.ENDPOINT_EXPIRING, subjects.ENDPOINT_EXPIRED]
    assert [event.serial for _, event in told] == [only.serial] * 2
    assert [event.expired for _, event in told] == [False, True]


async def test_who_was_always_renewed_earlier_is_missed_before_the_certificate_is_late(
    catalogue: Catalogue,
) -> None:
    last = await renew(catalogue, 40, 41, 38, 40)
    watch = catalogue.watch()
    catalogue.clock.advance(44 * HOUR)
    await watch.tick()
    assert await read_events(catalogue) == []
    catalogue.clock.advance(3 * HOUR)
    await watch.tick()
    await watch.tick()
    ((subject, event),) = await read_events(catalogue)
    assert (subject, event.serial) == (subjects.ENDPOINT_UNRENEWED, last.serial)
    assert 0.4 <= event.usual <= 0.41
    new = make_issued("a.example", renews=last, at=catalogue.clock.now(), life=LIFE)
    await catalogue.take(new.event)
    await watch.tick()
    await watch.tick()
    assert (await read_subjects(catalogue))[1:] == [subjects.ENDPOINT_RENEWED]
    # the late renewal is what the endpoint may take from now on
    catalogue.clock.advance(50 * HOUR)
    await watch.tick()
    assert len(await read_subjects(catalogue)) == 2


async def test_what_was_usual_stays_so_when_all_certificates_were_revoked(
    catalogue: Catalogue,
) -> None:
    chain: list[IssuedCertificate] = []
    for hours in (0, 40, 80, 120, 160):
        last = chain[-1] if chain else None
        chain.append(make_issued("a.example", renews=last, at=START + hours * HOUR, life=LIFE))
        await catalogue.take(chain[-1].event)
    before = await catalogue.rows("SELECT usual, renewals FROM endpoints")
    assert before == [(0.4, 4)]
    await catalogue.take(*[revocation_event(each) for each in chain])
    again = make_issued("a.example", renews=chain[-1], at=START + 161 * HOUR, life=LIFE)
    await catalogue.take(again.event)
    assert await catalogue.rows("SELECT usual, renewals FROM endpoints") == before


@pytest.mark.parametrize(
    ("parts", "kind", "expiry"),
    [
        ((40, 40), "JWK", Expiry()),  # twice is no habit
        ((10, 10, 10, 10), "JWK", Expiry()),  # restarts
        ((67, 70, 72, 70), "JWK", Expiry()),  # later than that is what is late in any case
        ((40, 40, 40, 40), "", Expiry()),  # the authority's own
        ((40, 40, 40, 40), "OIDC", Expiry(quiet_types=("OIDC",))),
        ((40, 40, 40, 40), "JWK", Expiry(unrenewed=0)),
    ],
)
async def test_no_renewal_is_expected_where_none_is_usual(
    database: Database, parts: tuple[int, ...], kind: str, expiry: Expiry
) -> None:
    catalogue = Catalogue(database, expiry)
    await renew(catalogue, *parts, kind=kind)
    watch = catalogue.watch()
    for _ in range(74):
        await watch.tick()
        catalogue.clock.advance(HOUR)
    assert await read_events(catalogue) == []


async def test_who_revokes_each_predecessor_is_missed_before_the_certificate_is_late_too(
    catalogue: Catalogue,
) -> None:
    last = make_issued("a.example", life=LIFE)
    await catalogue.take(last.event)
    for hours in (40, 80, 120, 160):
        new = make_issued("a.example", renews=last, at=START + hours * HOUR, life=LIFE)
        await catalogue.take(new.event, revocation_event(last))
        last = new
    catalogue.clock.advance(206 * HOUR)
    await catalogue.watch().tick()
    ((subject, event),) = await read_events(catalogue)
    assert (subject, event.serial) == (subjects.ENDPOINT_UNRENEWED, last.serial)


async def test_a_renewal_that_was_revoked_changes_no_habit(catalogue: Catalogue) -> None:
    last = await renew(catalogue, 40, 40, 40, 40)
    before = await catalogue.rows("SELECT usual, renewals FROM endpoints")
    wrong = make_issued("a.example", renews=last, at=START + 200 * HOUR, life=LIFE)
    await catalogue.take(wrong.event, revocation_event(wrong))
    right = make_issued("a.example", renews=last, at=START + 240 * HOUR, life=LIFE)
    await catalogue.take(right.event)
    ((usual, renewals),) = await catalogue.rows("SELECT usual, renewals FROM endpoints")
    assert (usual, renewals) == (before[0][0], before[0][1] + 1)


async def test_the_owner_that_the_metadata_names_is_said(catalogue: Catalogue) -> None:
    store = MetadataStorage(catalogue.database)
    await store.write(MetadataKey("name", "dns:a.example", ""), {"owner": "ada@example.com"}, START)
    await renew(catalogue)
    catalogue.clock.advance(80 * HOUR)
    await catalogue.watch().tick()
    ((_, event),) = await read_events(catalogue)
    assert event.owner == "ada@example.com"


async def test_what_was_said_to_be_expiring_before_an_upgrade_is_said_to_have_expired_after_it(
    database_url: str,
) -> None:
    await migrate(database_url, "newel.inventory", "0005")
    old = await open_database(database_url)
    start, end = int(START.timestamp()), int((START + LIFE).timestamp())
    await old.apply(
        Write(OLD_CERTIFICATE, (b"\x01", start, end)), Write(OLD_ENDPOINT, (b"\x01", start, end))
    )
    await old.close()
    assert await migrate(database_url, "newel.inventory", REVISION)
    new = await open_database(database_url)
    catalogue = Catalogue(new)
    watch = catalogue.watch()
    catalogue.clock.advance(90 * HOUR)
    await watch.tick()
    assert await read_events(catalogue) == []
    catalogue.clock.advance(11 * HOUR)
    await watch.tick()
    assert await read_subjects(catalogue) == [subjects.ENDPOINT_EXPIRED]
    await new.close()
