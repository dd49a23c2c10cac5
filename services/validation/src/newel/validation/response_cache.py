"""Encoded OCSP responses in memory: found by the octets of a request, dropped by certificate.

There are two keys. The octets of a request (a POST body, or the raw path of a GET) lead straight to
the response, without parsing. A request that is not found that way is parsed, and its response is
found by certificate and CertID algorithm. All responses about a certificate are dropped at once, so
that no form of a request outlives a revocation.
"""

import enum
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from newel.validation.documents import Document
from newel.validation.status import CertificateKey

MAX_REQUEST_SIZE = 512  # octets of a request that is remembered: an unusual one is parsed again
_MAX_REQUESTS = 8  # forms of a request remembered per response: POST, and GET as clients escape it


class CertStatus(enum.StrEnum):
    """The CertStatus of RFC 6960 §4.2.1; of several certificates, the least that is known."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"

    __hash__ = str.__hash__  # an enum's own is a Python function, and every response counts by it


@dataclass(slots=True)
class CachedResponse:
    """One signed response. Times are seconds since 1970, because every request compares them."""

    document: Document
    status: CertStatus
    this_update: float
    refresh_at: float
    next_update: float


@dataclass(slots=True)
class _Certificate:
    """The responses about one certificate."""

    used: bool = False
    variants: dict[bytes, CachedResponse] = field(default_factory=dict[bytes, CachedResponse])
    requests: list[bytes] = field(default_factory=list[bytes])


class ResponseCache:
    """A bounded cache that evicts what was not used since its last inspection (second chance)."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._by_request: dict[bytes, tuple[_Certificate, CachedResponse]] = {}
        self._by_certificate: OrderedDict[CertificateKey, _Certificate] = OrderedDict()
        self._size = 0
        self.purges = 0  # grows with every purge: a signature made meanwhile is checked again

    def __len__(self) -> int:
        return self._size

    def hit(self, request: bytes) -> CachedResponse | None:
        """Return the response to exactly these octets, fresh or not."""
        found = self._by_request.get(request)
        if found is None:
            return None
        found[0].used = True
        return found[1]

    def find(self, key: CertificateKey, algorithm: bytes) -> CachedResponse | None:
        """Return the response about a certificate whose CertID has this AlgorithmIdentifier."""
        certificate = self._by_certificate.get(key)
        if certificate is None:
            return None
        certificate.used = True
        return certificate.variants.get(algorithm)

    def put(self, key: CertificateKey, algorithm: bytes, response: CachedResponse) -> None:
        """Store a response in the place of an older one."""
        certificate = self._by_certificate.setdefault(key, _Certificate())
        if algorithm in certificate.variants:
            self._forget_requests(certificate)
        else:
            self._size += 1
        certificate.variants[algorithm] = response
        while self._size > self._capacity:
            self._evict()

    def remember(self, request: bytes, key: CertificateKey, algorithm: bytes) -> None:
        """Let these octets of a request lead to the stored response, if there is one."""
        certificate = self._by_certificate.get(key)
        if certificate is None or len(request) > MAX_REQUEST_SIZE:
            return
        response = certificate.variants.get(algorithm)
        if response is None or request in self._by_request:
            return
        if len(certificate.requests) == _MAX_REQUESTS:
            del self._by_request[certificate.requests.pop(0)]
        certificate.requests.append(request)
        self._by_request[request] = (certificate, response)

    def purge(self, keys: Iterable[CertificateKey]) -> None:
        """Drop every response about these certificates."""
        self.purges += 1
        for key in keys:
            self._drop(key)

    def clear(self) -> None:
        """Drop everything."""
        self.purges += 1
        self._by_request.clear()
        self._by_certificate.clear()
        self._size = 0

    def _evict(self) -> None:
        key, certificate = next(iter(self._by_certificate.items()))
        if certificate.used and len(self._by_certificate) > 1:
            certificate.used = False
            self._by_certificate.move_to_end(key)
        else:
            self._drop(key)

    def _drop(self, key: CertificateKey) -> None:
        certificate = self._by_certificate.pop(key, None)
        if certificate is not None:
            self._size -= len(certificate.variants)
            self._forget_requests(certificate)

    def _forget_requests(self, certificate: _Certificate) -> None:
        for request in certificate.requests:
            self._by_request.pop(request, None)
        certificate.requests.clear()
