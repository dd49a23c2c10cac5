"""Which certificates are one endpoint."""

import datetime as dt
import itertools
from typing import Any

import pytest

from fixtures.catalogue import START, IssuedCertificate, make_event, make_issued, revocation_event
from fixtures.inventory import Catalogue

HOUR = dt.timedelta(hours=1)


async def endpoints(catalogue: Catalogue, *certificates: IssuedCertificate) -> list[str]:
    return [await catalogue.endpoint_of(each.serial) for each in certificates]


async def test_a_renewable_provisioner_opens_a_new_endpoint_each_time(
    catalogue: Catalogue,
) -> None:
    one, other = make_issued("a.example"), make_issued("a.example")
    await catalogue.take(one.event, other.event)
    assert len(set(await endpoints(catalogue, one, other))) == 2


async def test_a_renewal_joins_the_endpoint_of_what_it_renews(catalogue: Catalogue) -> None:
    first = make_issued("a.example")
    second = make_issued("a.example", renews=first, at=START + HOUR)
    third = make_issued("a.example", renews=second, at=START + 2 * HOUR)
    await catalogue.take(first.event)
    await catalogue.take(second.event, third.event)
    assert len(set(await endpoints(catalogue, first, second, third))) == 1
    ((last, warned),) = await catalogue.rows("SELECT last_serial, warned FROM endpoints")
    assert last == third.serial
    assert warned is None


async def test_identical_subjects_are_one_endpoint_where_nothing_is_renewed(
    catalogue: Catalogue,
) -> None:
    cases = [
        make_issued(
            "A.example", "b.example", common_name="A.example", renewable=False, kind="ACME"
        ),
        make_issued(
            "B.EXAMPLE", "a.example", common_name="a.example", renewable=False, kind="ACME"
        ),
        make_issued("a.example", "b.example", "c.example", renewable=False, kind="ACME"),
        make_issued(
            "a.example", "b.example", common_name="b.example", renewable=False, kind="ACME"
        ),
    ]
    for case in cases:
        await catalogue.take(case.event)
    same, again, more, other_name = await endpoints(catalogue, *cases)
    assert same == again
    assert len({same, more, other_name}) == 3


@pytest.mark.parametrize("renewable", [True, False])
async def test_orders_of_one_acme_account_for_the_same_names_are_one_endpoint(
    catalogue: Catalogue, renewable: bool
) -> None:
    account: dict[str, Any] = {
        "kind": "ACME",
        "provisioner": "acme",
        "proof": "acme/acme/account/1",
    }
    first = make_issued("a.example", "b.example", renewable=renewable, **account)
    again = make_issued(
        "B.example",
        "a.example",
        common_name="a.example",
        at=START + HOUR,
        renewable=renewable,
        **account,
    )
    by_tls = make_issued(
        "a.example", "b.example", renews=again, at=START + 2 * HOUR, renewable=renewable, **account
    )
    last = make_issued(
        "a.example", "b.example", at=START + 3 * HOUR, renewable=renewable, **account
    )
    await catalogue.take(first.event)
    await catalogue.take(by_tls.event)
    await catalogue.take(again.event, last.event)
    assert len(set(await endpoints(catalogue, first, again, by_tls, last))) == 1


async def test_other_names_accounts_and_provisioners_are_other_acme_endpoints(
    catalogue: Catalogue,
) -> None:
    account: dict[str, Any] = {
        "kind": "ACME",
        "provisioner": "acme",
        "proof": "acme/acme/account/1",
    }
    stranger: dict[str, Any] = account | {"proof": "acme/acme/account/2"}
    elsewhere: dict[str, Any] = account | {"provisioner": "other"}
    cases = [
        make_issued("a.example", **account),
        make_issued("a.example", "b.example", **account),
        make_issued("a.example", **stranger),
        make_issued("a.example", **elsewhere),
        make_issued("a.example", provisioner="acme", proof="acme/acme/account/1"),  # by a token
    ]
    await catalogue.take(*(case.event for case in cases))
    assert len(set(await endpoints(catalogue, *cases))) == len(cases)


async def test_the_authority_s_own_certificates_are_one_endpoint_whatever_names_it_gets(
    catalogue: Catalogue,
) -> None:
    own: dict[str, Any] = {
        "kind": "",
        "provisioner": "",
        "proof": "registration",
        "common_name": "CA",
    }
    line = [make_issued("localhost", at=START + age * HOUR, **own) for age in range(3)]
    line.append(make_issued("localhost", "ca.example", at=START + 3 * HOUR, **own))
    await catalogue.take(*(each.event for each in line))
    stranger = make_issued("localhost", proof="registration", common_name="CA")  # a token's subject
    await catalogue.take(stranger.event)
    assert len(set(await endpoints(catalogue, *line))) == 1
    assert await catalogue.endpoint_of(stranger.serial) not in await endpoints(catalogue, *line)


async def test_certificates_without_any_name_are_nobody_s_together(catalogue: Catalogue) -> None:
    one, other = make_issued(renewable=False), make_issued(renewable=False)
    await catalogue.take(one.event, other.event)
    assert len(set(await endpoints(catalogue, one, other))) == 2


@pytest.mark.parametrize("renewable", [True, False])
async def test_every_order_of_arrival_ends_in_the_same_lineage(
    catalogue: Catalogue, renewable: bool
) -> None:
    for number, order in enumerate(itertools.permutations(range(4))):
        name = f"host-{number}.example"
        line = [make_issued(name, renewable=renewable)]
        for age in range(1, 4):
            line.append(make_issued(name, renews=line[-1], at=START + age * HOUR))
        for index in order:
            await catalogue.take(line[index].event)
        (endpoint,) = set(await endpoints(catalogue, *line))
        last = await catalogue.rows("SELECT last_serial FROM endpoints WHERE id = $1", endpoint)
        assert last == [(line[-1].serial,)]
    assert await catalogue.rows("SELECT count(*) FROM endpoints") == [(24,)]


async def test_a_batch_in_any_order_is_one_lineage(catalogue: Catalogue) -> None:
    line = [make_issued("a.example")]
    for number in range(40):
        line.append(make_issued("a.example", renews=line[-1], at=START + number * HOUR))
    await catalogue.take(*(each.event for each in reversed(line)))
    assert len(set(await endpoints(catalogue, *line))) == 1
    assert await catalogue.rows("SELECT last_serial FROM endpoints") == [(line[-1].serial,)]


async def test_events_may_come_again(catalogue: Catalogue) -> None:
    first = make_issued("a.example")
    second = make_issued("a.example", renews=first, at=START + HOUR)
    gone = revocation_event(second)
    for _ in range(3):
        await catalogue.take(first.event, second.event, gone)
    assert await catalogue.rows("SELECT count(*) FROM certificates") == [(2,)]
    # the revoked certificate does not come back as the last one
    assert await catalogue.rows("SELECT last_serial FROM endpoints") == [(first.serial,)]


async def test_revoking_leaves_the_last_of_what_is_active(catalogue: Catalogue) -> None:
    first = make_issued("a.example")
    second = make_issued("a.example", renews=first, at=START + HOUR)
    await catalogue.take(first.event, second.event, revocation_event(second, active=False))
    assert await catalogue.rows("SELECT last_serial FROM endpoints") == [(first.serial,)]
    await catalogue.take(revocation_event(first))
    ended = await catalogue.rows("SELECT last_serial, last_not_after, due FROM endpoints")
    assert ended == [(None, 0, None)]
    entry = await catalogue.listing.certificate(first.serial)
    assert entry is not None
    assert entry.state(START) == "revoked"


async def test_a_passive_revocation_can_become_an_active_one_but_not_back(
    catalogue: Catalogue,
) -> None:
    one = make_issued("a.example")
    later = START + HOUR
    await catalogue.take(one.event, revocation_event(one, active=False, reason=4))
    await catalogue.take(revocation_event(one, active=True, reason=1, at=later))
    await catalogue.take(revocation_event(one, active=False, reason=5))
    entry = await catalogue.listing.certificate(one.serial)
    assert entry is not None
    assert (entry.revoked_actively, entry.reason) == (True, 1)


async def test_a_key_called_compromised_later_is_shown_so_and_stays_so(
    catalogue: Catalogue,
) -> None:
    one = make_issued("a.example")
    await catalogue.take(one.event, revocation_event(one, active=True, reason=4))
    await catalogue.take(revocation_event(one, active=True, reason=1))
    await catalogue.take(revocation_event(one, active=True, reason=4))  # delivered once more
    entry = await catalogue.listing.certificate(one.serial)
    assert entry is not None
    assert (entry.revoked_actively, entry.reason) == (True, 1)


async def test_what_cannot_be_read_is_passed_over_and_audited(catalogue: Catalogue) -> None:
    good = make_issued("a.example")
    await catalogue.take(
        make_event("newel.certificate.issued.v1", b"\xff\xff"),
        make_event("newel.certificate.issued.v1", b""),
        good.event,
    )
    assert await catalogue.rows("SELECT serial FROM certificates") == [(good.serial,)]
    assert catalogue.audit.outcomes("inventory.event") == ["refused", "refused"]
