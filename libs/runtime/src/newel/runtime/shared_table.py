"""A table of numbers that the workers of one program share: memory that they inherit from their parent.

Entries are found by a keyed hash, four to a bucket; a new one replaces the smallest number in its bucket.
There are no locks: when two workers change one entry at the same moment, one of the two changes may be
lost, which is good enough for counting and for nothing else.
"""

import contextlib
import hashlib
import mmap
import os
from collections.abc import Hashable, Mapping
from functools import lru_cache

from newel.runtime.entropy import random_bytes

VARIABLE = "NEWEL_SHARED_TABLE_FD"
"""The environment variable with the number of the memory's descriptor."""

_BUCKETS = 1 << 16
_ENTRIES = 4
_ENTRY = 16  # octets: the hash, then the number
_KEY = 32
_HASHES_KNOWN = 4096


class TableMemory:
    """The parent's side: the memory each child is started with."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("newel-shared-table", os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, _KEY + _BUCKETS * _ENTRIES * _ENTRY)
        os.pwrite(self.descriptor, random_bytes(_KEY), 0)

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return the child's environment."""
        return {**base, VARIABLE: str(self.descriptor)}


class SharedTable:
    """A table of numbers by key."""

    def __init__(self, descriptor: int) -> None:
        memory = mmap.mmap(descriptor, 0)
        octets = memoryview(memory)
        self._secret = bytes(octets[:_KEY])
        self._tags = octets[_KEY:].cast("Q")
        self._numbers = octets[_KEY:].cast("d")
        self._place = lru_cache(_HASHES_KNOWN)(self._hash)

    @classmethod
    def open_inherited(cls) -> "SharedTable | None":
        """Open the table of this worker's program; return None for a process without workers."""
        given = os.environ.get(VARIABLE, "")
        if not given.isdecimal():
            return None
        with contextlib.suppress(OSError):
            os.set_inheritable(int(given), False)
        return cls(int(given))

    def get(self, key: Hashable) -> float:
        """Return the number of a key; 0 for an unknown one."""
        tag, first = self._place(key)
        for place in range(first, first + 2 * _ENTRIES, 2):
            if self._tags[place] == tag:
                return self._numbers[place + 1]
        return 0.0

    def put(self, key: Hashable, number: float) -> None:
        """Store a number."""
        tag, first = self._place(key)
        chosen = first
        for place in range(first, first + 2 * _ENTRIES, 2):
            if self._tags[place] == tag:
                chosen = place
                break
            if self._numbers[place + 1] < self._numbers[chosen + 1]:
                chosen = place
        self._tags[chosen] = tag
        self._numbers[chosen + 1] = number

    def _hash(self, key: Hashable) -> tuple[int, int]:
        digest = hashlib.blake2b(repr(key).encode(), digest_size=16, key=self._secret).digest()
        bucket = int.from_bytes(digest[8:], "big") % _BUCKETS
        return int.from_bytes(digest[:8], "big") | 1, bucket * _ENTRIES * 2
