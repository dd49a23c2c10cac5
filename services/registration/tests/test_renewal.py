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
from fixtures.registration import CA, JwkKey, RegistrationHarness, open_registration, request_for
from newel.crypto import keys
from newel.jose import jws
from newel.step import renew_token, tokens

HOUR = dt.timedelta(hours=1)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def bearer(
    ra: RegistrationHarness, certificate: x509.Certificate, key: Any, audience: str = f"{CA}/renew"
) -> dict[str, str]:
    token = renew_token.make([der(certificate)], key, audience, ra.clock.now())
    return {"authorization": f"Bearer {token}"}


async def restart(
    ra: RegistrationHarness, authority: CertificateAuthority, **settings: Any
) -> RegistrationHarness:
    """The same authority with another configuration on the same database and records."""
    url = f"sqlite:///{ra.database._path}"  # type: ignore[attr-defined]
    return await open_registration(
        url, authority, admin=ra.admin, issuing=ra.issuing, clock=ra.clock, **settings
    )


@pytest.mark.parametrize("path", ["/renew", "/1.0/renew", "/re-sign"])
async def test_renewal_over_tls(ra: RegistrationHarness, path: str) -> None:
    certificate, _ = await ra.certificate("foo.internal")
    ra.clock.advance(8 * HOUR)
    answer = await ra.call("POST", path, certificate=der(certificate))
    assert answer.status_code == 201
    renewed = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    assert renewed.public_key() == certificate.public_key()
    assert renewed.serial_number != certificate.serial_number
    assert renewed.not_valid_after_utc > certificate.not_valid_after_utc
    assert set(answer.json()) == {"crt", "ca", "certChain", "tlsOptions"}
    assert (await ra.call("POST", path, certificate=der(certificate))).status_code == 201


async def test_renewal_by_bearer_token_works_once_per_token(ra: RegistrationHarness) -> None:
    certificate, key = await ra.certificate("foo.internal")
    for audience in (f"{CA}/renew", f"{CA}:9000/1.0/renew"):
        headers = bearer(ra, certificate, key, audience)
        assert (await ra.call("POST", "/renew", headers=headers)).status_code == 201
        assert (await ra.call("POST", "/renew", headers=headers)).status_code == 401
        ra.clock.advance(dt.timedelta(seconds=1))


async def test_without_a_certificate(ra: RegistrationHarness) -> None:
    for path in ("/renew", "/rekey", "/1.0/rekey"):
        for headers in ({}, {"authorization": "Basic eDp5"}, {"authorization": "Bearer "}):
            answer = await ra.call("POST", path, b"{}", headers=headers)
            assert answer.status_code == 400
            assert answer.json()["message"] == (
                "The request could not be completed: missing client certificate."
            )


async def test_rekey_takes_the_key_of_the_request(ra: RegistrationHarness) -> None:
    certificate, _ = await ra.certificate("foo.internal")
    key = keys.generate()
    csr = request_for(key=key)
    answer = await ra.call("POST", "/rekey", {"csr": csr}, certificate=der(certificate))
    assert answer.status_code == 201
    renewed = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    assert renewed.public_key() == key.public_key()
    assert renewed.subject == certificate.subject
    weak = request_for(key=rsa.generate_private_key(65537, 1024))  # noqa: S505 - the point
    answer = await ra.call("POST", "/rekey", {"csr": weak}, certificate=der(certificate))
    assert answer.status_code == 403
    answer = await ra.call("POST", "/rekey", {}, certificate=der(certificate))
    assert answer.json()["message"] == "The request could not be completed: missing csr."


@pytest.mark.attack("T15")
async def test_t15_removed_and_disabled_provisioners(
    ra: RegistrationHarness, authority: CertificateAuthority
) -> None:
    certificate, key = await ra.certificate("foo.internal")
    other = JwkKey("other", keys.generate())
    for record in (
        other.record(),
        ra.admin.record(newel={"disabled": True}),
        ra.admin.record(claims={"disableRenewal": True}),
        JwkKey("admin", keys.generate()).record(),  # another one of the same name
        {"type": "ACME", "name": "admin"},
    ):
        again = await restart(ra, authority, provisioners=(record,))
        over_tls = await again.call("POST", "/renew", certificate=der(certificate))
        headers = bearer(again, certificate, key)
        by_token = await again.call("POST", "/renew", headers=headers)
        assert (over_tls.status_code, by_token.status_code) == (401, 401), record
        await again.database.close()
    again = await restart(ra, authority)
    assert (await again.call("POST", "/renew", certificate=der(certificate))).status_code == 201
    await again.database.close()


@pytest.mark.attack("T15")
async def test_t15_revoked(ra: RegistrationHarness) -> None:
    certificate, key = await ra.certificate("foo.internal")
    token = ra.admin.revoke_token(certificate.serial_number)
    revoked = await ra.post(
        "/revoke", serial=str(certificate.serial_number), ott=token, passive=True
    )
    assert revoked.status_code == 200
    assert (await ra.call("POST", "/renew", certificate=der(certificate))).status_code == 401
    headers = bearer(ra, certificate, key)
    assert (await ra.call("POST", "/renew", headers=headers)).status_code == 401


@pytest.mark.attack("T15")
async def test_t15_after_expiry(ra: RegistrationHarness, authority: CertificateAuthority) -> None:
    certificate, key = await ra.certificate("foo.internal")
    ra.clock.advance(25 * HOUR)
    answer = await ra.call("POST", "/renew", headers=bearer(ra, certificate, key))
    assert answer.status_code == 401
    assert answer.json()["message"].startswith(
        "The request lacked necessary authorization to be completed: certificate expired on 2026-"
    )
    allowed = ra.admin.record(claims={"allowRenewalAfterExpiry": True})
    again = await restart(ra, authority, provisioners=(allowed,))
    answer = await again.call("POST", "/renew", headers=bearer(again, certificate, key))
    assert answer.status_code == 201
    assert again.issuing.renewals[-1].allow_expired
    await again.database.close()


@pytest.mark.attack("T15")
async def test_t15_forged_with_the_same_serial_and_subject(ra: RegistrationHarness) -> None:
    certificate, _ = await ra.certificate("foo.internal")
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
    headers = bearer(ra, by_itself, attacker)
    assert (await ra.call("POST", "/renew", headers=headers)).status_code == 401
    # even one that TLS or the chain would take: its octets are not those of the record
    by_the_ca = forge(ra.issuing.authority.key)
    headers = bearer(ra, by_the_ca, attacker)
    assert (await ra.call("POST", "/renew", headers=headers)).status_code == 401
    assert (await ra.call("POST", "/renew", certificate=der(by_the_ca))).status_code == 401


@pytest.mark.attack("T15")
async def test_t15_renewal_never_takes_another_key(ra: RegistrationHarness) -> None:
    certificate, _ = await ra.certificate("foo.internal")
    csr = request_for("foo.internal")
    answer = await ra.call("POST", "/renew", {"csr": csr}, certificate=der(certificate))
    renewed = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    assert renewed.public_key() == certificate.public_key()


async def test_a_certificate_for_servers_only_proves_nothing(ra: RegistrationHarness) -> None:
    ra.issuing.serverauth_only = True
    certificate, key = await ra.certificate("foo.internal")
    assert (await ra.call("POST", "/renew", certificate=der(certificate))).status_code == 401
    headers = bearer(ra, certificate, key)
    assert (await ra.call("POST", "/renew", headers=headers)).status_code == 401


@pytest.mark.attack("T16")
async def test_t16_todays_longest_duration_holds(
    ra: RegistrationHarness, authority: CertificateAuthority
) -> None:
    certificate, _ = await ra.certificate("foo.internal")
    claims = {"maxTLSCertDuration": "1h", "defaultTLSCertDuration": "1h"}
    again = await restart(ra, authority, provisioners=(ra.admin.record(claims=claims),))
    answer = await again.call("POST", "/renew", certificate=der(certificate))
    renewed = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    assert again.issuing.renewals[-1].max_duration_seconds == 3600
    assert renewed.not_valid_after_utc <= again.clock.now() + HOUR
    await again.database.close()


async def test_bearer_claims_are_checked(ra: RegistrationHarness) -> None:
    certificate, key = await ra.certificate("foo.internal")
    headers = bearer(ra, certificate, key, "https://other.example/renew")
    assert (await ra.call("POST", "/renew", headers=headers)).status_code == 401
    headers = bearer(ra, certificate, key)
    ra.clock.advance(dt.timedelta(minutes=7))
    assert (await ra.call("POST", "/renew", headers=headers)).status_code == 401


ODD_KEY = ec.generate_private_key(ec.SECP256R1())
ODD = odd_certificates(ODD_KEY, EPOCH)


@pytest.mark.attack("T15")
@pytest.mark.parametrize("what", ODD)
async def test_a_bearer_token_with_any_leaf_is_refused_with_words(
    ra: RegistrationHarness, what: str
) -> None:
    head = {"alg": "ES256", "x5cInsecure": [base64.b64encode(ODD[what]).decode()]}
    claims = {"aud": f"{CA}/renew", "sub": "odd.example.com", "exp": ra.clock.unix() + 60}
    token = jws.sign_compact(msgspec.json.encode(head), msgspec.json.encode(claims), ODD_KEY)
    for path in ("/renew", "/re-sign", "/rekey"):
        headers = {"authorization": f"Bearer {token}"}
        answer = await ra.call("POST", path, {}, headers=headers)
        assert answer.status_code == (400 if path == "/rekey" else 401), answer.text


@pytest.mark.attack("T05")
@pytest.mark.parametrize("exp", [86_400 * 2, 1e11, 1e300, -1e12, "1" + "0" * 40, True, None])
async def test_a_renew_tokens_expiry_has_bounds(ra: RegistrationHarness, exp: Any) -> None:
    certificate, key = await ra.certificate("foo.internal")
    made = tokens.parse(renew_token.make([der(certificate)], ODD_KEY, f"{CA}/renew", EPOCH))
    claims = msgspec.json.decode(made.payload)
    claims["exp"] = msgspec.Raw(exp.encode()) if isinstance(exp, str) else exp
    if isinstance(exp, float | int) and not isinstance(exp, bool):
        claims["exp"] = ra.clock.unix() + exp
    head = msgspec.json.encode(made.header)
    token = jws.sign_compact(head, msgspec.json.encode(claims), key)  # pyright: ignore[reportArgumentType]
    answer = await ra.call("POST", "/renew", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401, answer.text
    assert ra.issuing.renewals == []


async def test_without_the_extension_the_record_says_whose_it_is(
    ra: RegistrationHarness, authority: CertificateAuthority
) -> None:
    hidden = ra.admin.record(claims={"disableSmallstepExtensions": True})
    again = await restart(ra, authority, provisioners=(hidden,))
    certificate, _ = await again.certificate("foo.internal")
    assert not any("37476" in e.oid.dotted_string for e in certificate.extensions)
    assert (await again.call("POST", "/renew", certificate=der(certificate))).status_code == 201
    await again.database.close()
    gone = await restart(ra, authority, provisioners=(JwkKey("x", keys.generate()).record(),))
    assert (await gone.call("POST", "/renew", certificate=der(certificate))).status_code == 401
    await gone.database.close()
