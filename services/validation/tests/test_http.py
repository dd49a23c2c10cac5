"""The plain HTTP interface: paths, methods, conditional requests, bounds."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509 import ocsp
from cryptography.x509.ocsp import OCSPResponseStatus

from fixtures.validation import ValidationHarness, open_harness, request_for
from newel.validation.http import Web


async def test_the_issuers_certificate_is_der(harness: ValidationHarness) -> None:
    reply = await harness.get(f"/ca/{harness.ca.id}.cer")
    assert reply.headers[b"content-type"] == b"application/pkix-cert"
    assert reply.body == harness.ca.der


async def test_the_roots_are_pem(harness: ValidationHarness) -> None:
    reply = await harness.get("/roots.pem")
    assert reply.headers[b"content-type"] == b"application/x-pem-file"
    assert x509.load_pem_x509_certificates(reply.body) == [harness.root.certificate]


async def test_a_crl_has_its_type_and_validators(harness: ValidationHarness) -> None:
    await harness.parts.publisher.publish_due()
    path = f"/crl/{harness.ca.id}.crl"
    reply = await harness.get(path)
    assert reply.headers[b"content-type"] == b"application/pkix-crl"
    assert reply.headers[b"last-modified"] == b"Sat, 21 Nov 2026 12:00:00 GMT"
    assert reply.headers[b"expires"] == b"Sun, 22 Nov 2026 12:00:00 GMT"
    assert reply.headers[b"cache-control"] == b"max-age=5, public, no-transform, must-revalidate"
    tag = (b"if-none-match", reply.headers[b"etag"])
    assert (await harness.get(path, tag)).status == 304
    await harness.revoke(0x7001)
    await harness.parts.publisher.publish_due()
    assert (await harness.get(path, tag)).status == 200


@pytest.mark.parametrize("query", ["", "?pem"])
async def test_a_crl_that_the_client_has_is_not_sent_again(
    harness: ValidationHarness, query: str
) -> None:
    await harness.parts.publisher.publish_due()
    whole = await harness.get(f"/crl{query}")
    modified = whole.headers[b"last-modified"]
    later = b"Sunday, 22-Nov-26 12:00:00 GMT"  # an older form of dates: RFC 9110 §5.6.7
    for method in ("GET", "HEAD"):
        for since in (modified, later):
            reply = await harness.get(f"/crl{query}", (b"if-modified-since", since), method=method)
            assert (reply.status, reply.body) == (304, b"")
            for name in (b"etag", b"last-modified", b"expires", b"cache-control"):
                assert reply.headers[name] == whole.headers[name]
    for since in (b"Sat, 21 Nov 2026 11:59:59 GMT", b"yesterday", b"\xff"):
        reply = await harness.get(f"/crl{query}", (b"if-modified-since", since))
        assert (reply.status, reply.body) == (200, whole.body)


async def test_the_entity_tag_decides_before_the_date(harness: ValidationHarness) -> None:
    await harness.parts.publisher.publish_due()
    since = (b"if-modified-since", (await harness.get("/crl")).headers[b"last-modified"])
    for pair in ([(b"if-none-match", b'"another"'), since], [since, (b"if-none-match", b'W/"x"')]):
        assert (await harness.get("/crl", *pair)).status == 200


async def test_a_condition_does_not_make_a_post_unanswered(harness: ValidationHarness) -> None:
    request = request_for(await harness.issue(0x7001), harness.ca)
    answer = await harness.post(request)
    condition = (b"if-none-match", answer.headers[b"etag"])
    assert (await harness.post(request, "/ocsp", condition)).body == answer.body


async def test_slashes_too_many_before_a_path_change_nothing(harness: ValidationHarness) -> None:
    await harness.parts.publisher.publish_due()
    assert (await harness.get("//crl")).body == (await harness.get("/crl")).body
    assert (await harness.get("///roots.pem")).status == 200
    request = request_for(await harness.issue(0x7001), harness.ca)
    text = base64.b64encode(request).decode()
    for path in (f"//ocsp/{text}", f"///ocsp//{text}/", f"//ocsp/{harness.ca.id}/{text}"):
        assert harness.verify(await harness.get(path)).serial_number == 0x7001
    assert harness.verify(await harness.post(request, "//ocsp")).serial_number == 0x7001


async def test_the_path_of_the_urls_in_certificates_is_answered(tmp_path: Path) -> None:
    """Whether or not the proxy in front takes it away."""
    database = f"sqlite:///{tmp_path / 'v.db'}"
    harness = await open_harness(tmp_path, database, http={"base_path": "/pki/example"})
    await harness.parts.publisher.publish_due()
    request = request_for(await harness.issue(0x7001), harness.ca)
    text = base64.b64encode(request).decode()
    for base in ("/pki/example", "//pki/example/", ""):
        assert harness.verify(await harness.post(request, f"{base}/ocsp")).serial_number == 0x7001
        assert harness.verify(await harness.get(f"{base}/ocsp/{text}")).serial_number == 0x7001
        assert (await harness.get(f"{base}/crl/{harness.ca.id}.crl")).status == 200
    for path in ("/pki/crl", "/pki/examples/crl", "/pki/example" * 2000 + "/crl"):
        assert (await harness.get(path)).status == 404
    await harness.close()


@pytest.mark.parametrize("path", ["/crl", "/1.0/crl"])
async def test_step_clients_find_the_active_issuers_crl(
    harness: ValidationHarness, path: str
) -> None:
    assert (await harness.get(path)).status == 503
    await harness.parts.publisher.publish_due()
    der = (await harness.get(path)).body
    assert der == (await harness.get(f"/crl/{harness.ca.id}.crl")).body
    reply = await harness.get(path + "?pem")
    assert reply.headers[b"content-type"] == b"application/x-pem-file"
    assert x509.load_pem_x509_crl(reply.body) == x509.load_der_x509_crl(der)


@pytest.mark.parametrize("path", ["/", "/ocspx", "/crl/ffffffffffffffff.crl", "/ca/", "/metrics"])
async def test_other_paths_are_not_found(harness: ValidationHarness, path: str) -> None:
    reply = await harness.get(path)
    assert reply.status == 404
    assert reply.headers[b"content-type"] == b"text/plain; charset=utf-8"


async def test_other_methods_are_refused_with_those_that_are_allowed(
    harness: ValidationHarness,
) -> None:
    for path, allowed in (("/ocsp", b"GET, HEAD, POST"), ("/crl", b"GET, HEAD")):
        reply = await harness.get(path, method="DELETE")
        assert reply.status == 405
        assert reply.headers[b"allow"] == allowed
    assert (await harness.get("/roots.pem", method="POST")).status == 405


@pytest.mark.attack("X07")
@pytest.mark.parametrize("path", ["/ocsp", "/ocsp/", "/ocsp/AAAA", "/ocsp/" + "M" * 5000])
async def test_a_get_without_a_request_is_malformed(harness: ValidationHarness, path: str) -> None:
    reply = await harness.get(path)
    assert reply.status == 200
    status = ocsp.load_der_ocsp_response(reply.body).response_status
    assert status == OCSPResponseStatus.MALFORMED_REQUEST


async def ask(web: Web, *messages: Any) -> ocsp.OCSPResponse:
    """A POST whose body comes in these messages; what is not read stays unread."""
    waiting, sent = list(messages), list[Any]()

    async def receive() -> Any:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/ocsp", "headers": []}
    await web(scope, receive, send)
    return ocsp.load_der_ocsp_response(sent[1]["body"])


async def test_a_body_may_come_in_pieces(harness: ValidationHarness) -> None:
    request = request_for(await harness.issue(0x7001), harness.ca)
    response = await ask(
        harness.parts.web,
        {"type": "http.request", "body": request[:10], "more_body": True},
        {"type": "http.request", "body": request[10:], "more_body": False},
    )
    assert response.response_status == OCSPResponseStatus.SUCCESSFUL


@pytest.mark.attack("X07")
async def test_a_body_without_end_is_not_read_to_the_end(harness: ValidationHarness) -> None:
    """1 MB by POST. Nine messages of the thousand are taken."""
    piece = {"type": "http.request", "body": b"0" * 1024, "more_body": True}
    response = await ask(harness.parts.web, *[piece] * 9)
    assert response.response_status == OCSPResponseStatus.MALFORMED_REQUEST


async def test_a_client_that_leaves_is_forgotten(harness: ValidationHarness) -> None:
    response = await ask(
        harness.parts.web,
        {"type": "http.request", "body": b"0", "more_body": True},
        {"type": "http.disconnect"},
    )
    assert response.response_status == OCSPResponseStatus.MALFORMED_REQUEST


async def test_answers_are_counted_by_what_was_said(harness: ValidationHarness) -> None:
    request = request_for(await harness.issue(0x7001), harness.ca)
    for body in (request, request, b"garbage"):
        await harness.post(body)
    count = harness.registry.get_sample_value
    assert count("newel_ocsp_answers_total", {"answer": "good"}) == 2
    assert count("newel_ocsp_answers_total", {"answer": "malformed"}) == 1
    assert count("newel_ocsp_signed_total") == 1
