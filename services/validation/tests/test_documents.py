"""Documents over ASGI: validators and conditional requests (RFC 9110 §13.1.2)."""

from typing import Any

import pytest

from newel.validation.documents import Document, entity_tag, http_date, send_document

BODY = b"octets"
ETAG = entity_tag(BODY)


async def collect(document: Document, *headers: tuple[bytes, bytes]) -> list[Any]:
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    await send_document(document, {"type": "http", "headers": list(headers)}, send)
    return messages


def test_dates_and_tags_have_their_wire_form() -> None:
    assert http_date(784111777) == b"Sun, 06 Nov 1994 08:49:37 GMT"
    assert ETAG.startswith(b'"')
    assert len(ETAG) == 66


async def test_a_document_carries_its_type_length_and_validators() -> None:
    start, finish = await collect(
        Document(BODY, b"text/plain", [(b"cache-control", b"max-age=1")], etag=ETAG)
    )
    assert start["status"] == 200
    assert dict(start["headers"]) == {
        b"content-type": b"text/plain",
        b"content-length": b"6",
        b"etag": ETAG,
        b"cache-control": b"max-age=1",
    }
    assert finish["body"] == BODY


@pytest.mark.parametrize("condition", [ETAG, b"W/" + ETAG, b'"other", ' + ETAG, b"*"])
async def test_who_has_it_is_told_so(condition: bytes) -> None:
    document = Document(BODY, b"text/plain", [(b"cache-control", b"max-age=1")], etag=ETAG)
    start, finish = await collect(document, (b"if-none-match", condition))
    assert start["status"] == 304
    assert dict(start["headers"]) == {b"etag": ETAG, b"cache-control": b"max-age=1"}
    assert finish["body"] == b""


async def test_who_has_another_version_gets_this_one() -> None:
    document = Document(BODY, b"text/plain", etag=ETAG)
    start, _ = await collect(document, (b"if-none-match", b'"other"'))
    assert start["status"] == 200


async def test_without_a_tag_a_condition_means_nothing() -> None:
    start, _ = await collect(Document(BODY, b"text/plain"), (b"if-none-match", b"*"))
    assert start["status"] == 200
