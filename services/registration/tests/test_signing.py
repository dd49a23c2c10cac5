"""``/sign``: a token and a request become a certificate, and bad requests are refused."""

import datetime as dt
from typing import Any

import pytest
from cryptography import x509

from fixtures.authority import EPOCH
from fixtures.registration import CA, RegistrationHarness, read_message, request_for
from newel.step import extension


async def test_a_token_and_a_request_become_a_certificate(ra: RegistrationHarness) -> None:
    token = ra.admin.token("foo.internal", sans=["foo.internal", "10.0.0.1"])
    answer = await ra.sign(token, request_for())
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    leaf, issuer = (x509.load_pem_x509_certificate(pem.encode()) for pem in body["certChain"])
    assert body["crt"] == body["certChain"][0]
    assert body["ca"] == body["certChain"][1]
    assert issuer == ra.issuing.authority.intermediate
    assert leaf.subject.rfc4514_string() == "CN=foo.internal"
    assert leaf.not_valid_before_utc == EPOCH - dt.timedelta(minutes=1)
    assert leaf.not_valid_after_utc == EPOCH + dt.timedelta(hours=24)
    assert body["tlsOptions"] == {
        "cipherSuites": [
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        ],
        "minVersion": 1.2,
        "maxVersion": 1.3,
        "renegotiation": False,
    }
    said = extension.ProvisionerExtension.decode(
        leaf.extensions.get_extension_for_oid(x509.ObjectIdentifier(extension.OID)).value.value  # type: ignore[attr-defined]
    )
    assert (said.name, said.credential_id) == ("admin", ra.admin.kid)
    asked = ra.issuing.requests[-1]
    assert asked.subject_of_proof == "foo.internal"
    assert asked.provisioner.renewable
    (line,) = [facts for event, _, facts in ra.audit.lines if event == "sign"]
    assert line["provisioner"] == "admin"
    assert token not in repr(line)


@pytest.mark.parametrize("path", ["/sign", "/1.0/sign"])
async def test_both_paths_and_all_spellings_of_the_audience(
    ra: RegistrationHarness, path: str
) -> None:
    for audience in (f"{CA}/1.0/sign", f"{CA}:8443/sign", "https://127.0.0.1:443/1.0/sign"):
        token = ra.admin.token("foo.internal", audience=audience)
        answer = await ra.post(path, csr=request_for("foo.internal"), ott=token)
        assert answer.status_code == 201


async def test_a_token_without_sans_lets_its_subject(ra: RegistrationHarness) -> None:
    answer = await ra.sign(ra.admin.token("foo.internal", sans=None), request_for())
    assert answer.status_code == 201
    assert [name.dns for name in ra.issuing.requests[-1].names] == ["foo.internal"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{bad", "error decoding json"),
        (b'{"csr": 5}', "error decoding json"),
        (b"[" * 100_000, "error decoding json"),
        (b"{}", "missing csr"),
        (b'{"csr": null, "ott": null}', "missing csr"),
        (
            b'{"csr": "zz", "ott": "x"}',
            "error decoding json",
        ),
        (b"null", "missing csr"),
    ],
)
async def test_bad_bodies_are_refused_in_known_words(
    ra: RegistrationHarness, body: bytes, text: str
) -> None:
    answer = await ra.call("POST", "/sign", body)
    assert answer.status_code == 400
    assert read_message(answer) == f"The request could not be completed: {text}."


async def test_a_request_without_a_token_is_refused(ra: RegistrationHarness) -> None:
    answer = await ra.post("/sign", csr=request_for("foo.internal"))
    assert read_message(answer) == "The request could not be completed: missing ott."


@pytest.mark.attack("P09")
async def test_p09_large_input_is_refused_before_it_is_looked_at(ra: RegistrationHarness) -> None:
    huge = b'{"csr":"' + b"A" * (10 * 1024 * 1024) + b'"}'
    assert (await ra.call("POST", "/sign", huge)).status_code == 413
    headers = {"content-length": "99999999999999999999"}
    assert (await ra.call("POST", "/sign", b"{}", headers=headers)).status_code == 413
    csr = request_for("foo.internal")
    assert (await ra.sign("." * 1_000_000, csr)).status_code == 413
    assert (await ra.sign("A" * 131_073, csr)).status_code == 413
    assert (await ra.sign("." * 131_000, csr)).status_code == 401
    endless = "-----BEGIN CERTIFICATE REQUEST-----\n" + "A" * 500_000
    assert (await ra.sign("x", endless)).status_code == 400
    deep = "-----BEGIN CERTIFICATE REQUEST-----\n" + "MIAw" * 10_000
    assert (await ra.sign("x", deep)).status_code == 400


async def test_requests_of_the_wrong_method(ra: RegistrationHarness) -> None:
    answer = await ra.call("GET", "/1.0/sign")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.attack("P09")
async def test_p09_a_client_that_went_away_is_not_waited_for(ra: RegistrationHarness) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/sign", "method": "POST", "headers": [], "client": None}

    async def disconnect() -> Any:
        return {"type": "http.disconnect"}

    await ra.service.web["https"](scope, disconnect, send)
    assert sent[0]["status"] == 400
