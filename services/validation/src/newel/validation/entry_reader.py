"""Reads the entries of CRLs: all of them, or those that changed since the list before.

Of a long complete list, a revocation changes one page in thousands. The octets of the others are taken from
the list that is served, which this process made from the same pages. Every list that is made by schedule
is read as a whole again, and so is one that is not the successor of this process's own.
"""

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from newel.crypto.crl_index import find_entries
from newel.validation.crls import PublishedCRL
from newel.validation.scopes import Scope
from newel.validation.status import EntryPage, RevokedReader

_MOST_CHANGED = 20_000
"""Certificates that changed, beyond which everything is read."""

_RANGES = 64
"""Pages that are read at once."""

_PAGES_BETWEEN_PAUSES = 80

_HIGHEST = b"\xff" * 64
"""Past every serial number."""


@dataclass(slots=True)
class Entries:
    """The entries of a list, in pages."""

    not_expired_at: int  # seconds since 1970: what had expired before is not among them
    read_at: int  # when all of them were read, seconds since 1970
    count: int = 0
    octets: list[bytes | memoryview] = field(default_factory=list[bytes | memoryview])
    sizes: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    lasts: list[bytes] = field(default_factory=list[bytes])

    def add(self, page: EntryPage) -> None:
        """Add a page that was read."""
        self.octets.append(page.octets)
        self._note(page.entries, len(page.octets), page.last)

    def copy(self, kept: "_Basis", first: int, end: int) -> None:
        """Add the pages from ``first`` up to ``end`` of an earlier list, without a copy of their octets."""
        if first == end:
            return
        octets = memoryview(kept.crl.der)
        self.octets.append(octets[kept.starts[first] : kept.starts[end]])
        for (entries, size), last in zip(
            kept.entries.sizes[first:end], kept.entries.lasts[first:end], strict=True
        ):
            self._note(entries, size, last)

    def _note(self, entries: int, size: int, last: bytes) -> None:
        self.count += entries
        self.sizes.append((entries, size))
        self.lasts.append(last)


class _Basis(NamedTuple):
    """A list that was published, and where its pages begin in it; the last of ``starts`` is their end."""

    crl: PublishedCRL
    entries: Entries
    starts: list[int]


class EntryReader:
    """Reads entries for one publisher."""

    def __init__(self, store: RevokedReader, period: int) -> None:
        """``period``: seconds after which everything is read again."""
        self._store = store
        self._period = period
        self._kept: dict[str, _Basis] = {}

    async def read(
        self, scope: Scope, served: PublishedCRL | None, change: int, not_expired_at: int, now: int
    ) -> Entries:
        """Read the entries of a scope: every revocation up to the count ``change`` is among them."""
        kept = self._kept.pop(scope.id, None)
        if kept is not None and kept.crl is served:
            follows = kept.crl.change <= change and kept.entries.not_expired_at <= not_expired_at
            if follows and 0 <= now - kept.entries.read_at < self._period:
                found = await self._read_changes(scope.issuer.id, kept, not_expired_at)
                if found is not None:
                    return found
        entries = Entries(not_expired_at, now)
        await self._add_all(
            entries, self._store.entries(scope.issuer.id, scope.buckets, not_expired_at)
        )
        return entries

    def keep(self, scope: Scope, crl: PublishedCRL, entries: Entries) -> None:
        """Note what was published, for the next list; shards are short, and read each time."""
        if scope.shard is not None or not entries.count:
            return
        at, end = find_entries(crl.der)
        starts = [at]
        for _, size in entries.sizes:
            at += size
            starts.append(at)
        if at == end:
            entries.octets.clear()  # they are in the list that is kept
            self._kept[scope.id] = _Basis(crl, entries, starts)

    async def _read_changes(self, issuer: str, kept: _Basis, not_expired_at: int) -> Entries | None:
        """Read the pages that changed; None where that is not worth it."""
        before, limit = kept.entries, _MOST_CHANGED
        changed = await self._store.changed_since(kept.crl.change, limit)
        expired = await self._store.list_expired(before.not_expired_at, not_expired_at, limit)
        if max(len(changed), len(expired)) == limit:
            return None
        last = len(before.lasts) - 1
        pages = sorted(
            {
                min(bisect_left(before.lasts, each.serial), last)
                for each in (*changed, *expired)
                if each.issuer == issuer
            }
        )
        if len(pages) > len(before.lasts) // 2:
            return None
        entries, done = Entries(not_expired_at, before.read_at), 0
        for first in range(0, len(pages), _RANGES):
            chosen = pages[first : first + _RANGES]
            ranges = [_range(before.lasts, page) for page in chosen]
            found = await self._store.entries_between(issuer, ranges, not_expired_at)
            for page, again in zip(chosen, found, strict=True):
                entries.copy(kept, done, page)
                for each in again:
                    entries.add(each)
                done = page + 1
        entries.copy(kept, done, last + 1)
        return entries

    @staticmethod
    async def _add_all(entries: Entries, pages: AsyncIterator[EntryPage]) -> None:
        async for page in pages:
            entries.add(page)
            # a million entries take a second: clients are answered meanwhile
            if len(entries.sizes) % _PAGES_BETWEEN_PAUSES == 0:
                await asyncio.sleep(0)


def _range(lasts: Sequence[bytes], page: int) -> tuple[bytes, bytes]:
    """Return the serial numbers that a page lies between; all that come later belong to the last page."""
    after = lasts[page - 1] if page else b""
    return after, _HIGHEST if page == len(lasts) - 1 else lasts[page]
