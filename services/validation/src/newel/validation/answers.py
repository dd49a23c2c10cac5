"""Encoded OCSP answers in memory: found by the octets of a request, dropped by certificate.

Two ways in. The octets of a request (a POST body, or the raw path of a GET) lead straight to the
answer: no parsing. What is not found so is parsed, and found by certificate and CertID algorithm.
A certificate is dropped whole, every variant at once, so that no form of asking outlives a revocation.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from newel.validation.documents import Document
from newel.validation.status import CertificateKey

LONGEST_REQUEST = (
    512  # octets of a request that are worth remembering: an unusual one is parsed again
)
_MOST_REQUESTS = 8  # forms of asking remembered for one answer: POST, and GET as clients escape it


@dataclass(slots=True)
class Answer:
    """One signed response."""

    document: Document
    kind: str  # "good", "revoked", "unknown"
    since: float  # its thisUpdate; seconds since 1970
    until: float  # when it is to be made anew
    expires: float  # its nextUpdate

    @property
    def is_standing(self) -> bool:
        """Whether it stays true whatever we have not heard yet."""
        return self.kind == "revoked"


@dataclass(slots=True)
class _Certificate:
    """The answers about one certificate."""

    used: bool = False
    variants: dict[bytes, Answer] = field(default_factory=dict[bytes, Answer])
    requests: list[bytes] = field(default_factory=list[bytes])


class AnswerCache:
    """Bounded; what was not asked for since its last inspection goes first (second chance)."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._by_request: dict[bytes, tuple[_Certificate, Answer]] = {}
        self._by_certificate: OrderedDict[CertificateKey, _Certificate] = OrderedDict()
        self._size = 0
        self.purges = 0  # grows with every purge: who signs meanwhile must look again

    def __len__(self) -> int:
        return self._size

    def hit(self, request: bytes) -> Answer | None:
        """The answer to exactly these octets, fresh or not."""
        found = self._by_request.get(request)
        if found is None:
            return None
        found[0].used = True
        return found[1]

    def find(self, key: CertificateKey, algorithm: bytes) -> Answer | None:
        """The answer about a certificate whose CertID has this AlgorithmIdentifier."""
        certificate = self._by_certificate.get(key)
        if certificate is None:
            return None
        certificate.used = True
        return certificate.variants.get(algorithm)

    def put(self, key: CertificateKey, algorithm: bytes, answer: Answer) -> None:
        """Keeps an answer, in the place of an older one."""
        certificate = self._by_certificate.setdefault(key, _Certificate())
        if algorithm in certificate.variants:
            self._forget_requests(certificate)
        else:
            self._size += 1
        certificate.variants[algorithm] = answer
        while self._size > self._capacity:
            self._evict()

    def remember(self, request: bytes, key: CertificateKey, algorithm: bytes) -> None:
        """Lets these octets of a request lead to the kept answer, if there is one."""
        certificate = self._by_certificate.get(key)
        if certificate is None or len(request) > LONGEST_REQUEST:
            return
        answer = certificate.variants.get(algorithm)
        if answer is None or request in self._by_request:
            return
        if len(certificate.requests) == _MOST_REQUESTS:
            del self._by_request[certificate.requests.pop(0)]
        certificate.requests.append(request)
        self._by_request[request] = (certificate, answer)

    def purge(self, keys: Iterable[CertificateKey]) -> None:
        """Drops every answer about these certificates."""
        self.purges += 1
        for key in keys:
            self._drop(key)

    def clear(self) -> None:
        """Drops everything."""
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
