"""The cache of encoded responses: what finds a response, and that nothing survives its certificate."""

from newel.validation.documents import Document
from newel.validation.response_cache import (
    MAX_REQUEST_SIZE,
    CachedResponse,
    CertStatus,
    ResponseCache,
)
from newel.validation.status import CertificateKey

SHA1, SHA256 = b"sha1", b"sha256"


def answer(body: bytes = b"response") -> CachedResponse:
    return CachedResponse(
        Document(body, b"application/ocsp-response"), CertStatus.GOOD, 0.0, 10.0, 20.0
    )


def key(number: int) -> CertificateKey:
    return CertificateKey("00112233aabbccdd", number.to_bytes(2, "big"))


def test_a_request_is_found_by_its_octets_only_after_it_was_remembered() -> None:
    cache = ResponseCache(10)
    kept = answer()
    cache.put(key(1), SHA1, kept)
    assert cache.hit(b"0request") is None
    cache.remember(b"0request", key(1), SHA1)
    cache.remember(b"/ocsp/MGVn", key(1), SHA1)
    assert cache.hit(b"0request") is kept
    assert cache.hit(b"/ocsp/MGVn") is kept
    assert cache.find(key(1), SHA1) is kept
    assert cache.find(key(1), SHA256) is None


def test_a_purge_takes_every_variant_and_every_way_to_it() -> None:
    cache = ResponseCache(10)
    for algorithm, request in ((SHA1, b"a"), (SHA256, b"b")):
        cache.put(key(1), algorithm, answer())
        cache.remember(request, key(1), algorithm)
    cache.put(key(2), SHA1, answer())
    before = cache.purges
    cache.purge([key(1), key(9)])
    assert cache.purges == before + 1
    assert cache.hit(b"a") is None
    assert cache.hit(b"b") is None
    assert cache.find(key(1), SHA1) is None
    assert cache.find(key(1), SHA256) is None
    assert cache.find(key(2), SHA1) is not None
    assert len(cache) == 1


def test_a_new_answer_takes_the_old_ones_ways_away() -> None:
    cache = ResponseCache(10)
    cache.put(key(1), SHA1, answer(b"old"))
    cache.remember(b"a", key(1), SHA1)
    new = answer(b"new")
    cache.put(key(1), SHA1, new)
    assert cache.hit(b"a") is None
    assert cache.find(key(1), SHA1) is new
    assert len(cache) == 1


def test_what_was_not_asked_for_goes_first() -> None:
    cache = ResponseCache(3)
    for number in (1, 2, 3):
        cache.put(key(number), SHA1, answer())
        cache.remember(b"%d" % number, key(number), SHA1)
    assert cache.hit(b"1") is not None
    cache.put(key(4), SHA1, answer())
    assert len(cache) == 3
    assert cache.hit(b"1") is not None
    assert cache.hit(b"2") is None


def test_the_ways_to_an_answer_are_bounded() -> None:
    cache = ResponseCache(3)
    cache.put(key(1), SHA1, answer())
    cache.remember(b"x" * (MAX_REQUEST_SIZE + 1), key(1), SHA1)
    assert cache.hit(b"x" * (MAX_REQUEST_SIZE + 1)) is None
    for number in range(100):
        cache.remember(b"%d" % number, key(1), SHA1)
    assert sum(cache.hit(b"%d" % number) is not None for number in range(100)) == 8
    assert cache.hit(b"99") is not None


def test_clearing_leaves_nothing() -> None:
    cache = ResponseCache(3)
    cache.put(key(1), SHA1, answer())
    cache.remember(b"a", key(1), SHA1)
    cache.clear()
    assert cache.hit(b"a") is None
    assert cache.find(key(1), SHA1) is None
    assert len(cache) == 0
