"""Published CRLs: the value, their store, and the cache that they are served from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from newel.crypto import pem
from newel.validation.documents import Document, Header, entity_tag, http_date


@dataclass(frozen=True, slots=True)
class PublishedCRL:
    """One signed CRL. Times in seconds since 1970."""

    issuer: str
    number: int  # CRLNumber, RFC 5280 §5.2.3
    this_update: int
    next_update: int
    change: int  # it contains every revocation up to this count of the store
    entries: int
    der: bytes


class CRLStore(Protocol):
    """The store of CRLs and their numbers."""

    async def highest(self, issuer: str) -> int:
        """Return the highest number ever reserved for an issuer's CRLs; 0 before the first."""
        ...

    async def reserve(self, issuer: str, number: int, now: int) -> bool:
        """Reserve a number for a CRL to be made; False when another worker was faster."""
        ...

    async def publish(self, crl: PublishedCRL, forget_below: int, event: bytes) -> None:
        """Store a signed CRL under its reserved number, and publish its event."""
        ...

    async def latest(self, issuer: str) -> PublishedCRL | None:
        """Return the signed CRL with the highest number."""
        ...


class CRLCache:
    """The newest CRL of every issuer, in memory, encoded for HTTP."""

    def __init__(self, max_age: int) -> None:
        self._cache_control = f"max-age={max_age}, public, no-transform, must-revalidate".encode()
        self._crls: dict[str, PublishedCRL] = {}
        self._documents: dict[str, Document] = {}
        self._texts: dict[tuple[str, ...], tuple[tuple[PublishedCRL, ...], Document]] = {}

    def put(self, crl: PublishedCRL) -> None:
        """Serve this CRL from now on, unless a later one is served already."""
        held = self._crls.get(crl.issuer)
        if held is not None and held.number >= crl.number:
            return
        self._crls[crl.issuer] = crl
        self._documents[crl.issuer] = self._document((crl,), crl.der, b"application/pkix-crl")

    def crl(self, issuer: str) -> PublishedCRL | None:
        """Return the CRL that is served for an issuer."""
        return self._crls.get(issuer)

    def document(self, issuer: str) -> Document | None:
        """Return the HTTP response with the CRL that is served for an issuer."""
        return self._documents.get(issuer)

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
                (b"cache-control", self._cache_control),
                *headers,
            ],
            etag=entity_tag(body),
        )
