"""``/renew`` and ``/rekey``, by TLS and by bearer token, under the rules of today."""

import base64
import datetime as dt
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.odd_certificates import odd_certificates
from fixtures.registration import CA, Front, JwkKey, open_front, request_for
from newel.crypto import keys
from newel.step import jws, renew_token, tokens

HOUR = dt.timedelta(hours=1)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def bearer(
    front: Front, certificate: x509.Certificate, key: Any, audience: str = f"{CA}/renew"
) -> dict[str, str]:
    token = renew_token.make([der(certificate)], key, audience, front.clock.now())
    return {"authorization": f"Bearer {token}"}


async def restarted(front: Front, authority: CertificateAuthority, **settings: Any) -> Front:
    """The same authority with another configuration on the same database and records."""
    url = f"sqlite:///{front.database._path}"  # type: ignore[attr-defined]
    return await open_front(
        url, authority, admin=front.admin, issuing=front.issuing, clock=front.clock, **settings
    )


@pytest.mark.parametrize("path", ["/renew", "/1.0/renew", "/re-sign"])
async def test_renewal_over_tls(front: Front, path: str) -> None:
    certificate, _ = await front.certificate("foo.internal")
    front.clock.advance(8 * HOUR)
    answer = await front.call("POST", path, certificate=der(certificate))
    assert answer.status_code == 201
    renewed = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    assert renewed.public_key() == certificate.public_key()
    assert renewed.serial_number != certificate.serial_number
    assert renewed.not_valid_after_utc > certificate.not_valid_after_utc
    assert set(answer.json()) == {"crt", "ca", "certChain", "tlsOptions"}
    assert (await front.call("POST", path, certificate=der(certificate))).status_code == 201


async def test_renewal_by_bearer_token_works_once_per_token(front: Front) -> None:
    certificate, key = await front.certificate("foo.internal")
    for audience in (f"{CA}/renew", f"{CA}:9000/1.0/renew"):
        headers = bearer(front, certificate, key, audience)
        assert (await front.call("POST", "/renew", headers=headers)).status_code == 201
        assert (await front.call("POST", "/renew", headers=headers)).status_code == 401
        front.clock.advance(dt.timedelta(seconds=1))


async def test_without_a_certificate(front: Front) -> None:
    for path in ("/renew", "/rekey", "/1.0/rekey"):
        for headers in ({}, {"authorization": "Basic eDp5"}, {"authorization": "Bearer "}):
            answer = await front.call("POST", path, b"{}", headers=headers)
            assert answer.status_code == 400
            assert answer.json()["message"] == (
                "The request could not be completed: missing client certificate."
            )


async def test_rekey_takes_the_key_of_the_request(front: Front) -> None:
    certificate, _ = await front.certificate("foo.internal")
    key = keys.generate()
    csr = request_for(key=key)
    answer = await front.call("POST", "/rekey", {"csr": csr}, certificate=der(certificate))
    assert answer.status_code == 201
    renewed = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    assert renewed.public_key() == key.public_key()
    assert renewed.subject == certificate.subject
    weak = request_for(key=rsa.generate_private_key(65537, 1024))  # noqa: S505 - the point
    answer = await front.call("POST", "/rekey", {"csr": weak}, certificate=der(certificate))
    assert answer.status_code == 403
    answer = await front.call("POST", "/rekey", {}, certificate=der(certificate))
    assert answer.json()["message"] == "The request could not be completed: missing csr."


@pytest.mark.attack("T15")
async def test_t15_removed_and_disabled_provisioners(
    front: Front, authority: CertificateAuthority
) -> None:
    certificate, key = await front.certificate("foo.internal")
    other = JwkKey("other", keys.generate())
    for record in (
        other.record(),
        front.admin.record(newel={"disabled": True}),
        front.admin.record(claims={"disableRenewal": True}),
        JwkKey("admin", keys.generate()).record(),  # another one of the same name
        {"type": "ACME", "name": "admin"},
    ):
        again = await restarted(front, authority, provisioners=(record,))
        over_tls = await again.call("POST", "/renew", certificate=der(certificate))
        headers = bearer(again, certificate, key)
        by_token = await again.call("POST", "/renew", headers=headers)
        assert (over_tls.status_code, by_token.status_code) == (401, 401), record
        await again.database.close()
    again = await restarted(front, authority)
    assert (await again.call("POST", "/renew", certificate=der(certificate))).status_code == 201
    await again.database.close()


@pytest.mark.attack("T15")
async def test_t15_revoked(front: Front) -> None:
    certificate, key = await front.certificate("foo.internal")
    token = front.admin.revoke_token(certificate.serial_number)
    revoked = await front.post(
        "/revoke", serial=str(certificate.serial_number), ott=token, passive=True
    )
    assert revoked.status_code == 200
    assert (await front.call("POST", "/renew", certificate=der(certificate))).status_code == 401
    headers = bearer(front, certificate, key)
    assert (await front.call("POST", "/renew", headers=headers)).status_code == 401


@pytest.mark.attack("T15")
async def test_t15_after_expiry(front: Front, authority: CertificateAuthority) -> None:
    certificate, key = await front.certificate("foo.internal")
    front.clock.advance(25 * HOUR)
    answer = await front.call("POST", "/renew", headers=bearer(front, certificate, key))
    assert answer.status_code == 401
    assert answer.json()["message"].startswith(
        "The request lacked necessary authorization to be completed: certificate expired on 2026-"
    )
    allowed = front.admin.record(claims={"allowRenewalAfterExpiry": True})
    again = await restarted(front, authority, provisioners=(allowed,))
    answer = await again.call("POST", "/renew", headers=bearer(again, certificate, key))
    assert answer.status_code == 201
    assert again.issuing.renewals[-1].allow_expired
    await again.database.close()


@pytest.mark.attack("T15")
async def test_t15_forged_with_the_same_serial_and_subject(front: Front) -> None:
    certificate, _ = await front.certificate("foo.internal")
    attacker = keys.generate()

    def forge(key: Any) -> x509.Certificate:
        builder = x509.CertificateBuilder(
            certificate.issuer,
            certificate.subject,
            attacker.public_key(),  # pyright: ignore[reportArgumentType] - P-256
            certificate.serial_number,
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
            list(certificate.extensions),
        )
        return builder.sign(key, hashes.SHA256())

    by_itself = forge(attacker)
    headers = bearer(front, by_itself, attacker)
    assert (await front.call("POST", "/renew", headers=headers)).status_code == 401
    # even one that TLS or the chain would take: its octets are not those of the record
    by_the_ca = forge(front.issuing.authority.key)
    headers = bearer(front, by_the_ca, attacker)
    assert (await front.call("POST", "/renew", headers=headers)).status_code == 401
    assert (await front.call("POST", "/renew", certificate=der(by_the_ca))).status_code == 401


@pytest.mark.attack("T15")
async def test_t15_renewal_never_takes_another_key(front: Front) -> None:
    certificate, _ = await front.certificate("foo.internal")
    csr = request_for("foo.internal")
    answer = await front.call("POST", "/renew", {"csr": csr}, certificate=der(certificate))
    renewed = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    assert renewed.public_key() == certificate.public_key()


async def test_a_certificate_for_servers_only_proves_nothing(front: Front) -> None:
    front.issuing.serverauth_only = True
    certificate, key = await front.certificate("foo.internal")
    assert (await front.call("POST", "/renew", certificate=der(certificate))).status_code == 401
    headers = bearer(front, certificate, key)
    assert (await front.call("POST", "/renew", headers=headers)).status_code == 401


@pytest.mark.attack("T16")
async def test_t16_todays_longest_duration_holds(
    front: Front, authority: CertificateAuthority
) -> None:
    certificate, _ = await front.certificate("foo.internal")
    claims = {"maxTLSCertDuration": "1h", "defaultTLSCertDuration": "1h"}
    again = await restarted(front, authority, provisioners=(front.admin.record(claims=claims),))
    answer = await again.call("POST", "/renew", certificate=der(certificate))
    renewed = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    assert again.issuing.renewals[-1].max_validity_seconds == 3600
    assert renewed.not_valid_after_utc <= again.clock.now() + HOUR
    await again.database.close()


async def test_bearer_claims_are_checked(front: Front) -> None:
    certificate, key = await front.certificate("foo.internal")
    headers = bearer(front, certificate, key, "https://other.example/renew")
    assert (await front.call("POST", "/renew", headers=headers)).status_code == 401
    headers = bearer(front, certificate, key)
    front.clock.advance(dt.timedelta(minutes=7))
    assert (await front.call("POST", "/renew", headers=headers)).status_code == 401


ODD_KEY = ec.generate_private_key(ec.SECP256R1())
ODD = odd_certificates(ODD_KEY, EPOCH)


@pytest.mark.attack("T15")
@pytest.mark.parametrize("what", ODD)
async def test_a_bearer_token_with_any_leaf_is_refused_with_words(front: Front, what: str) -> None:
    head = {"alg": "ES256", "x5cInsecure": [base64.b64encode(ODD[what]).decode()]}
    claims = {"aud": f"{CA}/renew", "sub": "odd.example.com", "exp": front.clock.unix() + 60}
    token = jws.sign(msgspec.json.encode(head), msgspec.json.encode(claims), ODD_KEY)
    for path in ("/renew", "/re-sign", "/rekey"):
        headers = {"authorization": f"Bearer {token}"}
        answer = await front.call("POST", path, {}, headers=headers)
        assert answer.status_code == (400 if path == "/rekey" else 401), answer.text


@pytest.mark.attack("T05")
@pytest.mark.parametrize("exp", [86_400 * 2, 1e11, 1e300, -1e12, "1" + "0" * 40, True, None])
async def test_a_renew_tokens_expiry_has_bounds(front: Front, exp: Any) -> None:
    certificate, key = await front.certificate("foo.internal")
    made = tokens.parse(renew_token.make([der(certificate)], ODD_KEY, f"{CA}/renew", EPOCH))
    claims = msgspec.json.decode(made.payload)
    claims["exp"] = msgspec.Raw(exp.encode()) if isinstance(exp, str) else exp
    if isinstance(exp, float | int) and not isinstance(exp, bool):
        claims["exp"] = front.clock.unix() + exp
    head = msgspec.json.encode(made.header)
    token = jws.sign(head, msgspec.json.encode(claims), key)  # pyright: ignore[reportArgumentType]
    answer = await front.call("POST", "/renew", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401, answer.text
    assert front.issuing.renewals == []


async def test_without_the_extension_the_record_says_whose_it_is(
    front: Front, authority: CertificateAuthority
) -> None:
    hidden = front.admin.record(claims={"disableSmallstepExtensions": True})
    again = await restarted(front, authority, provisioners=(hidden,))
    certificate, _ = await again.certificate("foo.internal")
    assert not any("37476" in e.oid.dotted_string for e in certificate.extensions)
    assert (await again.call("POST", "/renew", certificate=der(certificate))).status_code == 201
    await again.database.close()
    gone = await restarted(front, authority, provisioners=(JwkKey("x", keys.generate()).record(),))
    assert (await gone.call("POST", "/renew", certificate=der(certificate))).status_code == 401
    await gone.database.close()
