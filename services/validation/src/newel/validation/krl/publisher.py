"""Publishes the key revocation list when a certificate was revoked, and once an hour.

One worker does so under a lease; every worker serves the newest list from memory.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping

from newel.crypto.ssh import krl
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock, is_future
from newel.runtime.work import run_in_thread
from newel.validation.documents import Document, Source, cache_control, entity_tag, http_date
from newel.validation.krl.values import PublishedKRL, SSHRevocationStore

PATHS = ("/ssh/krl", "/1.0/ssh/krl", "/krl")
"""Where the list is served."""
SIGNATURE_PATHS = tuple(f"{path}.sig" for path in PATHS)
"""Where its signature is."""

_PERIOD = 3600
"""Seconds: what has expired leaves the list then, and hosts see that it is still made."""
_GRACE = 86_400
"""Seconds past its certificate's end for which a serial number stays: clocks of hosts may be behind."""
_COMMENT = "SSH certificates revoked by Newel"
_CACHE_CONTROL = cache_control(1)
_UNSIGNED = Document(
    b'{"status":404,"detail":"the key revocation list is not signed here: set ssh.krl_key of the validation'
    b' authority"}\n',
    b"application/problem+json",
    status=404,
)
_ABSENT = Document(
    b'{"status":404,"detail":"this authority has no CA for SSH, and so no key revocation list"}\n',
    b"application/problem+json",
    status=404,
)


class KRLCache:
    """The newest list, in memory, encoded for HTTP."""

    def __init__(self, store: SSHRevocationStore, clock: Clock, *, is_signed: bool) -> None:
        self._store = store
        self._is_signed = is_signed
        self._signature: Document | None = None
        self._began = int(clock.unix())
        self._document: Document | None = None
        self.number = 0
        self.made_at = 0
        """When the list that is served was made, in seconds since 1970; 0: there is none."""

    async def poll(self) -> None:
        """Read the newest list when another worker has published one."""
        facts = await self._store.latest_facts()
        if facts is None:
            # what was said before this start may have been of another configuration
            if self._document is None and await self._store.is_absent(self._began):
                self._document = _ABSENT
        elif facts.number != self.number:
            latest = await self._store.latest()
            if latest is not None:
                self._put(latest)

    async def is_missing(self) -> bool:
        """Tell whether a list is expected and not there: the authority has CAs for SSH.

        Raises NewelError when the database cannot be read.
        """
        return not self.number and bool(await self._store.issuers())

    def source(self, _query: bytes) -> Document | None:
        """Return the list as HTTP sends it, or that there is none; None while one may still come."""
        return self._document

    def signature_source(self, _query: bytes) -> Document | None:
        """Return the signature of the list of :meth:`source` in the same way."""
        if self._document is _ABSENT:
            return _ABSENT
        return self._signature if self._is_signed else _UNSIGNED

    def _put(self, latest: PublishedKRL) -> None:
        # a lower number is one of a restored database: what it lacks is recorded again soon
        self.number, self.made_at = latest.number, latest.made_at
        modified = (b"last-modified", http_date(latest.made_at))
        self._document = Document(
            latest.octets,
            b"application/octet-stream",
            (modified, _CACHE_CONTROL),
            etag=entity_tag(latest.octets),
        )
        self._signature = None
        if latest.signature:
            self._signature = Document(
                latest.signature,
                b"text/plain; charset=us-ascii",
                (modified, _CACHE_CONTROL),
                etag=entity_tag(latest.signature),
            )


def krl_sources(cache: KRLCache) -> dict[str, Source]:
    """Return what serves the list and its signature, by path."""
    return {
        **dict.fromkeys(PATHS, cache.source),
        **dict.fromkeys(SIGNATURE_PATHS, cache.signature_source),
    }


class KRLPublisher:
    """Makes the lists."""

    def __init__(
        self,
        store: SSHRevocationStore,
        cache: KRLCache,
        clock: Clock,
        audit: Audit,
        sign: Callable[[bytes], Awaitable[bytes]] | None,
        key_ids: Collection[str] = (),
    ) -> None:
        self._store = store
        self._sign = sign
        self._key_ids = key_ids
        self._cache = cache
        self._clock = clock
        self._audit = audit
        self._signed_under: frozenset[str] | None = None
        """The CAs that there were when this process had a list signed."""

    async def publish_due(self) -> None:
        """Publish a list when one is due. Raises NewelError when the database or the signer refuses."""
        change, latest = await self._store.change(), await self._store.latest_facts()
        now = int(self._clock.unix())
        issuers = await self._store.issuers()
        if (
            latest is not None
            and not self._may_be_stale(issuers)
            and latest.change == change
            and (latest.signed or self._sign is None)
            and now < latest.made_at + _PERIOD
            and not is_future(latest.made_at, now)
        ):
            return
        if not (issuers or change):
            return  # an authority without SSH
        # the time is higher than any number of a database that a backup replaced
        used = max(latest.number if latest else 0, self._cache.number)
        published = await self._make(max(used + 1, now), now, change, dict(issuers))
        if await self._store.publish(published):
            self._audit.record(
                "krl.publish", "granted", number=published.number, octets=len(published.octets)
            )
        self._signed_under = frozenset(issuers)
        await self._cache.poll()

    def _may_be_stale(self, issuers: Mapping[str, bytes]) -> bool:
        """Whether the list may be of another configuration: of other key ids, or signed by another key.

        The signer chooses the key by its name. Another name comes with a start of this process, and
        another key of the same name with another CA.
        """
        return self._signed_under != frozenset(issuers)

    async def _make(
        self, number: int, now: int, change: int, issuers: dict[str, bytes]
    ) -> PublishedKRL:
        revoked: defaultdict[bytes, list[int]] = defaultdict(list)
        for issuer, serials in (await self._store.serials(now - _GRACE)).items():
            # a CA whose key is not known yet: the serial number alone, of 64 random bits, says enough
            revoked[issuers.get(issuer, krl.ANY_CA)] += serials
        octets = await run_in_thread(krl.encode, number, now, revoked, _COMMENT, self._key_ids)
        signature = b"" if self._sign is None else await self._sign(octets)
        return PublishedKRL(number, now, change, bool(signature), octets, signature)
