"""``/sign``: what a token and a request become, and how everything else is refused."""

import asyncio
import datetime as dt
import json
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.registration import CA, JwkKey, RegistrationHarness, open_registration, request_for
from newel.crypto import keys
from newel.jose import jwk, jws
from newel.registration.storage import TAKEOVER_AFTER
from newel.runtime.clock import ManualClock
from newel.step import extension
from newel.step.fingerprint import confirmation

LENGTH = "requested duration"
LONGEST = "the authorized maximum certificate duration"
SHORTEST = "the authorized minimum certificate duration"
PAST = "notAfter cannot be in the past"
GENERAL_401 = {
    "status": 401,
    "message": "The request lacked necessary authorization to be completed."
    " Please see the certificate authority logs for more info.",
}


def told(answer: Any) -> str:
    body = answer.json()
    assert body["status"] == answer.status_code
    return body["message"]


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
            "error decoding json: the csr is not a certificate request in PEM",
        ),
        (b"null", "missing csr"),
    ],
)
async def test_bad_bodies_are_refused_in_known_words(
    ra: RegistrationHarness, body: bytes, text: str
) -> None:
    answer = await ra.call("POST", "/sign", body)
    assert answer.status_code == 400
    assert told(answer) == f"The request could not be completed: {text}."


async def test_a_request_without_a_token_is_refused(ra: RegistrationHarness) -> None:
    answer = await ra.post("/sign", csr=request_for("foo.internal"))
    assert told(answer) == "The request could not be completed: missing ott."


@pytest.mark.attack("T01")
async def test_t01_fifty_at_once_one_succeeds(each_ra: RegistrationHarness) -> None:
    token, csr = each_ra.admin.token("foo.internal"), request_for("foo.internal")
    answers = await asyncio.gather(*[each_ra.sign(token, csr) for _ in range(50)])
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 49
    assert len(each_ra.issuing.issued) == 2  # the server's own and this one


@pytest.mark.attack("T01")
async def test_t01_another_replica_and_a_restart_remember(
    authority: CertificateAuthority, database_url: str
) -> None:
    admin = JwkKey("admin", keys.generate())
    first = await open_registration(database_url, authority, admin=admin)
    second = await open_registration(database_url, authority, admin=admin, clock=first.clock)
    token, csr = admin.token("foo.internal"), request_for("foo.internal")
    assert (await first.sign(token, csr)).status_code == 201
    assert (await second.sign(token, csr)).json() == GENERAL_401
    for ra in (first, second):
        await ended(ra)
        await ra.database.close()
    third = await open_registration(database_url, authority, admin=admin)
    third.clock.advance(dt.timedelta(minutes=5))
    assert (await third.sign(token, csr)).status_code == 401
    await third.database.close()


async def test_api_16_the_same_id_in_another_token_is_refused(ra: RegistrationHarness) -> None:
    def same(audience: str) -> str:
        head = {"alg": "ES256", "kid": ra.admin.kid}
        claims = {"iss": "admin", "sub": "foo.internal", "aud": audience, "jti": "1"}
        claims |= {"exp": int(EPOCH.timestamp()) + len(audience)}
        header, payload = json.dumps(head).encode(), json.dumps(claims).encode()
        return jws.sign_compact(header, payload, ra.admin.key)

    csr = request_for()
    assert (await ra.sign(same(f"{CA}/1.0/sign"), csr)).status_code == 201
    assert (await ra.sign(same(f"{CA}/sign"), csr)).json() == GENERAL_401


async def test_the_token_is_used_up_only_by_what_was_verified(ra: RegistrationHarness) -> None:
    token = ra.admin.token("foo.internal")
    head, body, signature = token.split(".")
    forged = f"{head}.{body}.{signature[:-6]}AAAAAA"
    assert (await ra.sign(forged, request_for("foo.internal"))).status_code == 401
    assert (await ra.sign(token, request_for("other.internal"))).status_code == 403
    assert (await ra.sign(token, request_for("foo.internal"))).status_code == 201


async def test_a_lost_issuing_authority_leaves_the_token_to_the_same_request(
    ra: RegistrationHarness,
) -> None:
    token, csr = ra.admin.token("foo.internal"), request_for("foo.internal")
    ra.issuing.down = True
    assert (await ra.sign(token, csr)).status_code == 503
    ra.issuing.down = False
    assert (await ra.sign(token, request_for("foo.internal"))).status_code == 401
    assert (await ra.sign(token, csr)).status_code == 201
    assert (await ra.sign(token, csr)).status_code == 401


async def ended(ra: RegistrationHarness) -> None:
    """Ends of uses are written down, as they are when the process stops in order."""
    for hook in ra.service.stop:
        await hook()


async def test_a_crash_between_claim_and_answer_is_made_good_with_the_same_certificate(
    ra: RegistrationHarness,
) -> None:
    token, csr = ra.admin.token("foo.internal"), request_for("foo.internal")
    first = await ra.sign(token, csr)  # nothing writes ends down here: as if the process died
    assert (await ra.sign(token, csr)).status_code == 401
    ra.clock.advance(dt.timedelta(seconds=TAKEOVER_AFTER))
    assert (await ra.sign(token, request_for("foo.internal"))).status_code == 401
    again = await ra.sign(token, csr)
    assert again.json()["crt"] == first.json()["crt"]
    await ended(ra)
    ra.clock.advance(dt.timedelta(seconds=TAKEOVER_AFTER))
    assert (await ra.sign(token, csr)).status_code == 401


async def test_a_refusal_of_the_issuing_authority_ends_the_token(ra: RegistrationHarness) -> None:
    from newel.proto.common.v1 import error_pb2

    token, csr = ra.admin.token("foo.internal"), request_for("foo.internal")
    ra.issuing.refuse = error_pb2.Error(type="badPublicKey", detail="this key is blocked")
    answer = await ra.sign(token, csr)
    assert told(answer) == "The request could not be completed: this key is blocked."
    ra.issuing.refuse = None
    await ended(ra)
    ra.clock.advance(dt.timedelta(seconds=TAKEOVER_AFTER))
    assert (await ra.sign(token, csr)).status_code == 401


@pytest.mark.attack("T02")
async def test_t02_tokens_that_name_an_acme_provisioner(ra: RegistrationHarness) -> None:
    attacker = JwkKey("acme", keys.generate())
    csr = request_for("foo.internal")
    by_issuer = await ra.sign(attacker.token("foo.internal"), csr)
    assert by_issuer.json() == GENERAL_401
    named = attacker.token("foo.internal", audience=f"{CA}/1.0/sign#acme/acme")
    by_fragment = await ra.sign(named, csr)
    assert by_fragment.status_code == 400
    assert "token flow is not supported" in told(by_fragment)
    revoking = attacker.token("1", audience=f"{CA}/1.0/revoke#acme/acme", sans=None)
    refused = await ra.post("/revoke", serial="1", ott=revoking, passive=True)
    assert refused.status_code == 400
    assert len(ra.issuing.issued) == 1


@pytest.mark.attack("T03")
@pytest.mark.parametrize("alg", ["none", "HS256", "ES384", "RS256"])
async def test_t03_the_header_does_not_choose_the_algorithm(
    ra: RegistrationHarness, alg: str
) -> None:
    token = ra.admin.token("foo.internal", extra_header={"alg": alg})
    answer = await ra.sign(token, request_for("foo.internal"))
    assert answer.json() == GENERAL_401


@pytest.mark.attack("T03")
async def test_t03_a_key_in_the_header_is_not_taken(ra: RegistrationHarness) -> None:
    attacker = JwkKey("admin", keys.generate())
    header = {"kid": ra.admin.kid, "jku": "https://evil.example/keys"}
    header |= {"jwk": msgspec.to_builtins(jwk.from_public_key(attacker.key.public_key()))}
    token = attacker.token("foo.internal", extra_header=header)
    assert (await ra.sign(token, request_for("foo.internal"))).json() == GENERAL_401


@pytest.mark.attack("T04")
@pytest.mark.parametrize(
    "audience",
    [
        f"{CA}/1.0/revoke",
        f"{CA}/1.0/ssh/sign",
        f"{CA}/1.0/sign/more",
        "https://other.example/1.0/sign",
        "https://ca.example.evil/1.0/sign",
        "http://ca.example/1.0/sign",
        "",
    ],
)
async def test_t04_tokens_for_another_place(ra: RegistrationHarness, audience: str) -> None:
    token = ra.admin.token("foo.internal", audience=audience)
    assert (await ra.sign(token, request_for("foo.internal"))).json() == GENERAL_401


@pytest.mark.attack("T05")
async def test_t05_tokens_out_of_time(ra: RegistrationHarness) -> None:
    csr = request_for("foo.internal")
    minute = dt.timedelta(minutes=1)
    for made, lifetime in (
        (EPOCH - 7 * minute, 5 * minute),  # expired
        (EPOCH + 2 * minute, 5 * minute),  # not yet
        (EPOCH, 25 * 60 * minute),  # for too long
    ):
        token = ra.admin.token("foo.internal", made, lifetime=lifetime)
        assert (await ra.sign(token, csr)).json() == GENERAL_401
    for made in (EPOCH - 5.5 * minute, EPOCH + 0.9 * minute):  # within the leeway
        token = ra.admin.token("foo.internal", made)
        assert (await ra.sign(token, csr)).status_code == 201


@pytest.mark.attack("T05")
async def test_t05_replicas_an_hour_apart_do_not_use_a_token_twice(
    authority: CertificateAuthority, database_url: str
) -> None:
    admin = JwkKey("admin", keys.generate())
    late = await open_registration(database_url, authority, admin=admin)
    early = await open_registration(
        database_url, authority, admin=admin, clock=ManualClock(EPOCH + dt.timedelta(hours=1))
    )
    token, csr = admin.token("foo.internal"), request_for("foo.internal")
    assert (await late.sign(token, csr)).status_code == 201
    assert (await early.sign(token, csr)).status_code == 401
    for ra in (early, late):
        task = asyncio.get_running_loop().create_task(_once(ra, "used-tokens"))
        await asyncio.sleep(0.1)
        task.cancel()
    assert (await late.sign(token, csr)).status_code == 401
    for ra in (late, early):
        await ra.database.close()


async def _once(ra: RegistrationHarness, task: str) -> None:
    await ra.service.tasks[task]()


@pytest.mark.attack("T06")
async def test_t06_ids_of_tokens_do_not_collide_across_provisioners(
    authority: CertificateAuthority, tmp_path: Any
) -> None:
    admin, other = JwkKey("admin", keys.generate()), JwkKey("other", keys.generate())
    ra = await open_registration(
        f"sqlite:///{tmp_path}/ra.db",
        authority,
        admin=admin,
        provisioners=(admin.record(), other.record()),
    )

    def token(own: JwkKey, jti: str | None) -> str:
        head = {"alg": "ES256", "kid": own.kid}
        claims = {"iss": own.name, "sub": "foo.internal", "aud": f"{CA}/sign"}
        claims |= {"exp": int(EPOCH.timestamp()) + 300} | ({"jti": jti} if jti else {})
        return jws.sign_compact(json.dumps(head).encode(), json.dumps(claims).encode(), own.key)

    csr = request_for("foo.internal")
    assert (await ra.sign(token(other, "victims"), csr)).status_code == 201
    assert (await ra.sign(token(admin, "victims"), csr)).status_code == 201
    nameless = token(admin, None)
    resigned = token(admin, None)  # another signature over the same content
    assert nameless != resigned
    assert (await ra.sign(nameless, csr)).status_code == 201
    assert (await ra.sign(nameless, csr)).status_code == 401
    assert (await ra.sign(resigned, csr)).status_code == 401
    await ra.database.close()


@pytest.mark.attack("T07")
@pytest.mark.parametrize(
    ("granted", "asked", "status"),
    [
        (["foo.internal"], ["foo.internal", "bar.internal"], 403),
        (["foo.internal", "bar.internal"], ["foo.internal"], 403),
        (["foo.internal"], ["bar.internal"], 403),
        (["foo.internal"], [], 201),
        (["foo.internal"], ["foo.internal", "foo.internal"], 201),
        (["foo.internal"], ["FOO.Internal"], 201),
        (["b\u00fccher.example"], ["xn--bcher-kva.example"], 201),
        (["foo.internal"], ["foo.internal."], 400),
        (["foo.internal."], [], 403),
        (["foo_bar.internal"], [], 403),
        (["a.*.internal"], [], 403),
        (["x" * 64 + ".internal"], [], 403),
    ],
)
async def test_t07_names_are_exactly_the_granted_set(
    ra: RegistrationHarness, granted: list[str], asked: list[str], status: int
) -> None:
    token = ra.admin.token("foo.internal", sans=granted)
    answer = await ra.sign(token, request_for(*asked, common_name=""))
    assert answer.status_code == status, answer.text


@pytest.mark.attack("T07")
async def test_t07_refusals_are_in_the_words_scripts_know(ra: RegistrationHarness) -> None:
    forbidden = "The request was forbidden by the certificate authority: certificate request"
    answer = await ra.sign(
        ra.admin.token("foo.internal"), request_for("foo.internal", "bar.internal")
    )
    assert told(answer) == (
        f"{forbidden} does not contain the valid DNS names"
        " - got [foo.internal bar.internal], want [foo.internal]."
    )
    answer = await ra.sign(ra.admin.token("foo.internal"), request_for("foo"))
    assert "does not contain the valid common name - got foo, want [foo.internal" in told(answer)
    general: list[x509.GeneralName] = [x509.RFC822Name("a@b.example")]
    csr = request_for("foo.internal", general=general)
    answer = await ra.sign(ra.admin.token("foo.internal"), csr)
    assert told(answer).endswith("valid email addresses - got [a@b.example], want [].")
    weak = request_for("foo.internal", key=rsa.generate_private_key(65537, 1024))  # noqa: S505 - the point
    answer = await ra.sign(ra.admin.token("foo.internal"), weak)
    assert told(answer) == f"{forbidden} RSA key must be at least 2048 bits (256 bytes)."


@pytest.mark.parametrize(
    ("granted", "common_name"),
    [
        ("HOST01.lab", "host01.lab"),
        ("HOST01.lab", "HOST01.LAB"),
        ("host01.lab", "Host01.Lab"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "BÜCHER.example"),
        ("2001:db8::1", "2001:0DB8:0:0::1"),
    ],
)
async def test_a_common_name_may_be_spelled_otherwise(
    ra: RegistrationHarness, granted: str, common_name: str
) -> None:
    csr = request_for(common_name=common_name)
    assert (await ra.sign(ra.admin.token(granted), csr)).status_code == 201
    other = request_for(common_name="other.lab")
    assert (await ra.sign(ra.admin.token(granted), other)).status_code == 403


async def test_a_certificate_may_have_256_names(ra: RegistrationHarness) -> None:
    names = [
        f"a-rather-long-name-of-a-host-{each:03}.department.example.com" for each in range(257)
    ]
    token = ra.admin.token(names[0], sans=names[:256])
    assert (await ra.sign(token, request_for(*names[:256]))).status_code == 201
    assert len(ra.issuing.requests[-1].names) == 256
    token = ra.admin.token(names[0], sans=names)
    answer = await ra.sign(token, request_for(*names))
    assert answer.status_code == 400
    assert "more than 256 names" in answer.json()["message"]


async def test_a_token_for_one_request_takes_no_other(ra: RegistrationHarness) -> None:
    csr = request_for("foo.internal")
    own = confirmation(x509.load_pem_x509_csr(csr.encode()).public_bytes(_der()))
    token = ra.admin.token("foo.internal", confirmation=own)
    assert (await ra.sign(token, request_for("foo.internal"))).status_code == 403
    assert (await ra.sign(token, csr)).status_code == 201


def _der() -> Any:
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.DER


@pytest.mark.parametrize(
    ("times", "status", "text"),
    [
        ({"notAfter": "10m"}, 201, ""),
        ({"notAfter": "48h"}, 403, f"{LENGTH} of 48h1m0s is more than {LONGEST} of 24h1m0s."),
        ({"notAfter": "1m"}, 403, f"{LENGTH} of 2m0s is less than {SHORTEST} of 5m0s."),
        ({"notAfter": "-1m"}, 400, f"{PAST}; na=2026-11-21 11:59:00 +0000 UTC."),
        ({"notAfter": "2020-01-01T00:00:00Z"}, 400, f"{PAST}; na=2020-01-01 00:00:00 +0000 UTC."),
        (
            {"notBefore": "10h", "notAfter": "2026-11-21T13:00:00Z"},
            400,
            "na=2026-11-21 13:00:00 +0000 UTC, nb=2026-11-21 22:00:00 +0000 UTC.",
        ),
        ({"notBefore": "59m", "notAfter": "2h"}, 201, ""),
        ({"notBefore": "2h"}, 400, "more than 1h0m0s ahead; nb=2026-11-21 14:00:00 +0000 UTC."),
        ({"notBefore": "2030-01-01T00:00:00Z"}, 400, "nb=2030-01-01 00:00:00 +0000 UTC."),
        ({"notAfter": "zz"}, 400, "error decoding json."),
        ({"notAfter": None, "notBefore": None}, 201, ""),
    ],
)
async def test_validity_in_the_words_scripts_know(
    ra: RegistrationHarness, times: dict[str, str], status: int, text: str
) -> None:
    answer = await ra.sign(ra.admin.token("foo.internal"), request_for(), **times)
    assert answer.status_code == status
    if text:
        assert told(answer).endswith(text)


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


async def test_a_common_name_that_is_too_long_is_left_out(ra: RegistrationHarness) -> None:
    name = f"{'a' * 60}.internal"
    assert (await ra.sign(ra.admin.token(name), request_for())).status_code == 201
    assert not ra.issuing.requests[-1].subject


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

    async def gone() -> Any:
        return {"type": "http.disconnect"}

    await ra.service.web["https"](scope, gone, send)
    assert sent[0]["status"] == 400
