"""When certificates of each bucket were last revoked: which lists are to be made again.

With hundreds of shards, a query for each of them every second would cost more than making the lists.
"""

from newel.crypto.crl_shards import BUCKETS
from newel.validation.status import RevokedReader


class RecentChanges:
    """The count of the latest change of every bucket of every issuer, read forward."""

    def __init__(self, store: RevokedReader) -> None:
        self._store = store
        self._latest: dict[str, list[int]] = {}
        self._read_up_to = -1

    async def read(self, change: int) -> None:
        """Read on, up to at least the count ``change``."""
        if change < self._read_up_to:  # the store was restored from a backup
            self._latest.clear()
            self._read_up_to = -1
        if change == self._read_up_to:
            return
        for issuer, bucket, latest in await self._store.changed_buckets(self._read_up_to):
            self._latest.setdefault(issuer, [-1] * BUCKETS)[bucket] = latest
        self._read_up_to = change

    def has_changed(self, issuer: str, buckets: tuple[int, int], change: int) -> bool:
        """Tell whether a certificate of these buckets was revoked past that count."""
        first, last = buckets
        latest = self._latest.get(issuer)
        return latest is not None and max(latest[first : last + 1]) > change
