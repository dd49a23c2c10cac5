"""Revoked for key compromise: said once with what depends on the key, until another key is in use."""

import datetime as dt
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from fixtures.catalogue import START, IssuedCertificate, make_issued, revocation_event
from fixtures.inventory import Catalogue
from newel.inventory.lookup import MetadataKey
from newel.inventory.storage.metadata import MetadataStorage
from newel.proto import subjects
from newel.proto.events.v1 import events_pb2

LIFE = dt.timedelta(hours=24)
MINUTE = dt.timedelta(minutes=1)


def make_key() -> ec.EllipticCurvePublicKey:
    return ec.generate_private_key(ec.SECP256R1()).public_key()


def make_on(key: ec.EllipticCurvePublicKey, name: str, **more: Any) -> IssuedCertificate:
    return make_issued(name, key=key, life=LIFE, **more)


async def read_compromises(catalogue: Catalogue) -> list[events_pb2.EndpointCompromised]:
    query = "SELECT payload FROM outbox WHERE subject = $1 ORDER BY id"
    rows = await catalogue.rows(query, subjects.ENDPOINT_COMPROMISED)
    return [events_pb2.EndpointCompromised.FromString(payload) for (payload,) in rows]


async def count_rekeyed(catalogue: Catalogue) -> int:
    query = "SELECT count(*) FROM outbox WHERE subject = $1"
    ((count,),) = await catalogue.rows(query, subjects.ENDPOINT_REKEYED)
    return count


async def test_the_owner_and_all_that_is_on_the_key_are_said_once(catalogue: Catalogue) -> None:
    store = MetadataStorage(catalogue.database)
    await store.write(MetadataKey("name", "dns:a.example", ""), {"owner": "ada"}, START)
    key = make_key()
    one, two, three = (make_on(key, f"{name}.example") for name in "abc")
    await catalogue.take(one.event, two.event, three.event, make_issued("d.example").event)
    for _ in range(2):
        await catalogue.take(revocation_event(one, reason=1), revocation_event(one, reason=1))
    (event,) = await read_compromises(catalogue)
    assert (event.serial, event.subject, event.owner) == (one.serial, "a.example", "ada")
    assert (event.certificates, event.endpoints) == (3, 3)
    assert list(event.others) == ["b.example", "c.example"]
    entry = await catalogue.listing.certificate(one.serial)
    assert entry is not None
    assert entry.revoked_at == START


async def test_a_revocation_for_another_reason_says_nothing_until_the_key_is_declared_compromised(
    catalogue: Catalogue,
) -> None:
    one = make_on(make_key(), "a.example")
    await catalogue.take(one.event, revocation_event(one, reason=4))
    assert await read_compromises(catalogue) == []
    await catalogue.take(revocation_event(one, reason=1))
    assert len(await read_compromises(catalogue)) == 1


async def test_it_is_over_when_a_later_certificate_is_on_another_key(catalogue: Catalogue) -> None:
    key, watch = make_key(), catalogue.watch()
    before = make_on(make_key(), "a.example")
    one = make_on(key, "a.example", at=START + MINUTE, renews=before)
    await catalogue.take(before.event, one.event, revocation_event(one, reason=1))
    await watch.tick()
    assert await count_rekeyed(catalogue) == 0, "the certificate before it answers nothing"
    same = make_on(key, "a.example", at=START + 2 * MINUTE, renews=before)
    await catalogue.take(same.event)
    await watch.tick()
    assert await count_rekeyed(catalogue) == 0, "it is on the same key"
    other = make_on(make_key(), "a.example", at=START + 3 * MINUTE, renews=same)
    await catalogue.take(other.event)
    for _ in range(2):
        await watch.tick()
    assert await count_rekeyed(catalogue) == 1
    query = "SELECT payload FROM outbox WHERE subject = $1"
    ((payload,),) = await catalogue.rows(query, subjects.ENDPOINT_REKEYED)
    event = events_pb2.EndpointRekeyed.FromString(payload)
    (compromised,) = await read_compromises(catalogue)
    assert (event.endpoint, event.serial) == (compromised.endpoint, other.serial)
    assert event.compromised == compromised.key


async def test_a_compromise_that_is_found_long_afterwards_is_history(catalogue: Catalogue) -> None:
    one = make_on(make_key(), "a.example")
    await catalogue.take(one.event)
    catalogue.clock.advance(dt.timedelta(days=2))
    await catalogue.take(revocation_event(one, reason=1))
    assert await read_compromises(catalogue) == []
    entry = await catalogue.listing.certificate(one.serial)
    assert entry is not None
    assert entry.revoked_at == START


async def test_a_compromise_that_comes_before_its_certificate_is_said_by_reconciliation(
    catalogue: Catalogue,
) -> None:
    one = make_on(make_key(), "a.example")
    await catalogue.take(revocation_event(one, reason=1))
    assert await read_compromises(catalogue) == []
    await catalogue.take(one.event, revocation_event(one, reason=1))
    assert len(await read_compromises(catalogue)) == 1
