"""The shards of an issuer's revocation list: which of them lists a certificate (RFC 5280 §5.2.5).

An issuer may divide its list by distribution point: a certificate names the one shard that lists it if
it is revoked. Where a serial number belongs follows from the number alone, by the first bits of its last
octet, which is random. So a division into 16 never changes, and one into 64 can be published beside it
for as long as certificates name either.
"""

from dataclasses import dataclass

COUNTS = (2, 4, 8, 16, 32, 64)
"""Into how many shards a list can be divided."""

BUCKETS = 256
"""The number of values of :func:`bucket`."""

ALL_BUCKETS = 0, BUCKETS - 1
"""The first and the last of them."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One of ``count`` shards; ``number`` counts from 0."""

    count: int
    number: int

    def __post_init__(self) -> None:
        if self.count not in COUNTS or not 0 <= self.number < self.count:
            raise ValueError(f"there is no shard {self.number} of {self.count}")

    @property
    def name(self) -> str:
        """Its name in URLs: ``16-3``."""
        return f"{self.count}-{self.number}"

    @property
    def buckets(self) -> tuple[int, int]:
        """The first and the last bucket that belong to it."""
        width = BUCKETS // self.count
        return self.number * width, (self.number + 1) * width - 1


def bucket(serial: bytes) -> int:
    """Return the last octet of a serial number, on which its shards depend; 0 for the number 0."""
    return serial[-1] if serial else 0


def find_shard(serial: bytes, count: int) -> Shard:
    """Return the shard of a serial number, in a division into ``count``. Raises ``ValueError``."""
    return Shard(count, bucket(serial) * count // BUCKETS)


def all_shards(count: int) -> tuple[Shard, ...]:
    """Return every shard of a division. Raises ``ValueError`` for a number that is none."""
    if count not in COUNTS:
        raise ValueError(f"there is no shard of {count}")
    return tuple(Shard(count, number) for number in range(count))
