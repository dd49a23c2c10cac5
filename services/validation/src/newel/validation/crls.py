"""Published CRLs: the value, their store, and the cache that they are served from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from newel.crypto import pem
from newel.validation.bases import PastCRL
from newel.validation.documents import Document, Header, cache_control, entity_tag, http_date
from newel.validation.scopes import delta_name

MEDIA_TYPE = b"application/pkix-crl"


@dataclass(frozen=True, slots=True)
class PublishedCRL:
    """One signed CRL, and its delta CRL of the same number. Times in seconds since 1970."""

    scope: str  # see newel.validation.scopes
    number: int  # CRLNumber, RFC 5280 §5.2.3
    this_update: int
    next_update: int
    change: int  # it contains every revocation up to this count of the store
    entries: int
    der: bytes
    base: int = 0  # BaseCRLNumber of the delta CRL, RFC 5280 §5.2.4
    delta: bytes = b""  # empty: there is none


class CRLStore(Protocol):
    """The store of CRLs and their numbers."""

    async def highest(self, scope: str) -> int:
        """Return the highest number ever reserved for the CRLs of a scope; 0 before the first."""
        ...

    async def reserve(self, scope: str, number: int, now: int) -> bool:
        """Reserve a number for a CRL to be made; False when another worker was faster."""
        ...

    async def history(self, scope: str) -> list[PastCRL]:
        """List the signed CRLs of a scope that the store remembers, by number."""
        ...

    async def publish(
        self, crl: PublishedCRL, forget_below: int, obsolete: Sequence[int], event: bytes
    ) -> None:
        """Store a signed CRL under its reserved number, and publish its event.

        The octets of those below ``forget_below`` are dropped, and all about the ``obsolete`` ones.
        """
        ...

    async def numbers(self) -> Mapping[str, int]:
        """Return the highest number of a signed CRL, by scope."""
        ...

    async def latest(self, scope: str) -> PublishedCRL | None:
        """Return the signed CRL with the highest number."""
        ...


class CRLCache:
    """The newest CRL of every scope, in memory, encoded for HTTP."""

    def __init__(self, max_age: int) -> None:
        self._cache_control = cache_control(max_age)
        self._crls: dict[str, PublishedCRL] = {}
        self._documents: dict[str, Document] = {}
        self._texts: dict[tuple[str, ...], tuple[tuple[PublishedCRL, ...], Document]] = {}

    def put(self, crl: PublishedCRL) -> None:
        """Serve this CRL from now on, unless a later one is served already."""
        held = self._crls.get(crl.scope)
        # lists of other programs may have no number, which is 0 here
        if held and (held.number, held.this_update) >= (crl.number, crl.this_update):
            return
        self._crls[crl.scope] = crl
        self._documents[crl.scope] = self._document((crl,), crl.der, MEDIA_TYPE)
        if crl.delta:
            self._documents[delta_name(crl.scope)] = self._document((crl,), crl.delta, MEDIA_TYPE)

    def crl(self, scope: str) -> PublishedCRL | None:
        """Return the CRL that is served for a scope."""
        return self._crls.get(scope)

    def document(self, name: str) -> Document | None:
        """Return the HTTP response with the CRL that is served for a scope, or with its delta CRL."""
        return self._documents.get(name)

    def text(self, issuers: tuple[str, ...], *headers: Header) -> Document | None:
        """Return the CRLs of these issuers, PEM, one after the other; None when none is served."""
        crls = tuple(crl for crl in map(self._crls.get, issuers) if crl is not None)
        if not crls:
            return None
        kept = self._texts.get(issuers)
        if kept is None or kept[0] != crls:
            body = b"".join(pem.encode(crl.der, "X509 CRL") for crl in crls)
            kept = crls, self._document(crls, body, b"application/x-pem-file", *headers)
            self._texts[issuers] = kept
        return kept[1]

    def _document(
        self, crls: Sequence[PublishedCRL], body: bytes, media_type: bytes, *headers: Header
    ) -> Document:
        return Document(
            body,
            media_type,
            [
                (b"last-modified", http_date(max(crl.this_update for crl in crls))),
                (b"expires", http_date(min(crl.next_update for crl in crls))),
                self._cache_control,
                *headers,
            ],
            etag=entity_tag(body),
        )
