"""A list that is made from the one before has what a list has that is read as a whole, octet for octet."""

import datetime as dt
from collections.abc import AsyncIterator, Sequence

import pytest
from cryptography import x509

from fixtures.validation import ValidationHarness, revocation_event
from newel.crypto.crl_index import find_entries
from newel.validation.crls import PublishedCRL
from newel.validation.entry_reader import EntryReader
from newel.validation.issuers import load_issuers
from newel.validation.scopes import build_scopes
from newel.validation.status import EntryPage
from newel.validation.storage import StatusStore

MANY, FIRST = 3000, 0x400000
PERIOD, HOUR, DAY = 8 * 3600, dt.timedelta(hours=1), dt.timedelta(days=1)


class CountedStore(StatusStore):
    """The store, and how many entries were read from it."""

    rows = 0

    async def entries(
        self, issuer: str, buckets: tuple[int, int], not_expired_at: int
    ) -> AsyncIterator[EntryPage]:
        async for page in super().entries(issuer, buckets, not_expired_at):
            self.rows += page.entries
            yield page

    async def entries_between(
        self, issuer: str, ranges: Sequence[tuple[bytes, bytes]], not_expired_at: int
    ) -> list[list[EntryPage]]:
        found = await super().entries_between(issuer, ranges, not_expired_at)
        self.rows += sum(page.entries for pages in found for page in pages)
        return found


class Maker:
    """Makes one list after the other from what the store has, and compares each with one read as a whole."""

    def __init__(self, harness: ValidationHarness) -> None:
        self.harness = harness
        self.store = CountedStore(harness.database)
        self.reader = EntryReader(self.store, PERIOD)
        self.scope = build_scopes(load_issuers(harness.config.issuers), harness.config.crl)[0]
        self.served: PublishedCRL | None = None
        self.listed: set[int] = set()

    async def make(self) -> int:
        """Make the next list; return how many entries were read for it."""
        change = (await self.store.counters()).change
        clock = self.harness.moved
        now = int(clock.unix())
        self.store.rows = 0
        entries = await self.reader.read(self.scope, self.served, change, now, now)
        read = self.store.rows
        joined = b"".join(entries.octets)
        whole = await EntryReader(self.store, PERIOD).read(self.scope, None, change, now, now)
        assert joined == b"".join(whole.octets)
        assert entries.count == whole.count
        tbs = self.scope.encoder.tbs(now, clock.now(), clock.now() + DAY, entries.octets)
        crl = PublishedCRL(
            self.scope.id, now, now, now + 86_400, change, entries.count,
            self.scope.encoder.assemble(tbs, b"\0" * 64),
        )  # fmt: skip # the list in two rows
        start, end = find_entries(crl.der)
        assert crl.der[start:end] == joined
        listed = x509.load_der_x509_crl(crl.der)
        assert len(listed) == entries.count
        self.listed = {each.serial_number for each in listed}
        self.reader.keep(self.scope, crl, entries)
        self.served = crl
        return read


@pytest.fixture
async def maker(each_harness: ValidationHarness) -> Maker:
    """An authority that has revoked many certificates, some of which end in an hour."""
    now = each_harness.clock.now()
    early = range(100, 110)
    await each_harness.deliver(
        *(
            revocation_event(
                FIRST + 2 * number,
                each_harness.ca.id,
                now,
                now + (HOUR if number in early else 9 * DAY),
                reason=4,
            )
            for number in range(MANY)
        )
    )
    made = Maker(each_harness)
    assert await made.make() == MANY
    return made


async def test_one_revocation_has_one_page_read_again_wherever_it_belongs(maker: Maker) -> None:
    last = FIRST + 2 * (MANY - 1)
    for serial in (FIRST + 1001, FIRST - 1, last + 1, last + 3, 0x40, 0xFFFFFFFF):
        await maker.harness.revoke(serial)
        assert 0 < await maker.make() < MANY // 4
        assert serial in maker.listed
    assert len(maker.listed) == MANY + 6


async def test_what_is_called_compromised_later_is_on_the_list_as_that(maker: Maker) -> None:
    await maker.harness.revoke(
        FIRST + 1000, reason=1, not_after=maker.harness.clock.now() + 9 * DAY
    )
    assert 0 < await maker.make() < MANY // 4
    assert maker.served is not None
    entry = x509.load_der_x509_crl(maker.served.der).get_revoked_certificate_by_serial_number(
        FIRST + 1000
    )
    assert entry is not None
    reason = entry.extensions.get_extension_for_class(x509.CRLReason).value
    assert reason == x509.CRLReason(x509.ReasonFlags.key_compromise)


async def test_what_has_ended_leaves_the_list_and_nothing_else_is_read(maker: Maker) -> None:
    maker.harness.moved.advance(2 * HOUR)
    assert 0 < await maker.make() < MANY // 4
    assert len(maker.listed) == MANY - 10
    assert await maker.make() == 0


async def test_all_is_read_where_the_list_before_is_not_what_the_next_follows(maker: Maker) -> None:
    served = maker.served
    maker.served = None  # another process published
    assert await maker.make() == MANY
    maker.served = served  # an older one of our own
    assert await maker.make() == MANY
    maker.harness.moved.advance(dt.timedelta(seconds=-60))  # what had ended has not
    assert await maker.make() == MANY
    maker.harness.moved.advance(dt.timedelta(seconds=PERIOD))  # by schedule
    assert await maker.make() == MANY - 10


async def test_all_is_read_where_most_of_it_changed(maker: Maker) -> None:
    now = maker.harness.clock.now()
    await maker.harness.deliver(
        *(
            revocation_event(FIRST + 2 * number + 1, maker.harness.ca.id, now, now + DAY)
            for number in range(0, MANY, 50)
        )
    )
    assert await maker.make() == MANY + MANY // 50


async def test_serial_numbers_are_in_the_order_of_their_octets(maker: Maker) -> None:
    """A serial number of few octets can come after one of many: both databases say so."""
    for serial in (0x7F, 0x80, 0xFF00, 1 << 150):
        await maker.harness.revoke(serial)
        await maker.make()
    assert {0x7F, 0x80, 0xFF00, 1 << 150} <= maker.listed
