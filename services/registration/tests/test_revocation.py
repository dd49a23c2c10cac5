"""``/revoke`` by token and by TLS: who may, what is refused, and whether it is published."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.authority import CertificateAuthority
from fixtures.registration import JwkKey, RegistrationHarness, open_registration, request_for
from newel.crypto import keys


def message(answer: Any) -> str:
    return answer.json()["message"]


@pytest.mark.parametrize("spelling", [str, hex])
@pytest.mark.parametrize("path", ["/revoke", "/1.0/revoke"])
async def test_by_token(ra: RegistrationHarness, spelling: Any, path: str) -> None:
    certificate, _ = await ra.certificate("foo.internal")
    token = ra.admin.revoke_token(certificate.serial_number)
    answer = await ra.post(
        path,
        serial=spelling(certificate.serial_number),
        ott=token,
        passive=True,
        reasonCode=4,
        reason="moved",
    )
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    (item,) = ra.issuing.revoked.values()
    assert (item.reason, item.reason_text, item.active) == (4, "moved", True)
    assert item.actor == f"token:{certificate.serial_number}"
    again = await ra.post(
        path,
        serial=str(certificate.serial_number),
        ott=ra.admin.revoke_token(certificate.serial_number),
        passive=True,
    )
    assert again.status_code == 400
    assert message(again) == (
        "The request could not be completed: certificate with serial number"
        f" '{certificate.serial_number}' is already revoked."
    )


async def test_over_tls(ra: RegistrationHarness) -> None:
    certificate, _ = await ra.certificate("foo.internal")
    other, _ = await ra.certificate("bar.internal")
    der = certificate.public_bytes(Encoding.DER)
    body = {"serial": str(other.serial_number), "passive": True}
    refused = await ra.call("POST", "/revoke", body, certificate=der)
    assert refused.status_code == 403
    body["serial"] = str(certificate.serial_number)
    assert (await ra.call("POST", "/revoke", body, certificate=der)).status_code == 200
    (item,) = ra.issuing.revoked.values()
    assert item.actor.startswith("mtls:")
    assert item.certificate == der


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({}, 400, "missing serial."),
        ({"serial": "1"}, 501, "not implemented"),
        (
            {"serial": "zz", "passive": True},
            400,
            "'zz' is not a valid serial number - use a base 10",
        ),
        ({"serial": "-1", "passive": True}, 400, "not a valid serial number"),
        ({"serial": "9" * 60, "passive": True}, 400, "not a valid serial number"),
        ({"serial": "9" * 5000, "passive": True}, 400, "not a valid serial number"),
        ({"serial": "1", "passive": True}, 400, "missing ott or client certificate."),
    ],
)
async def test_bad_bodies(ra: RegistrationHarness, body: Any, status: int, text: str) -> None:
    answer = await ra.post("/revoke", **body)
    assert answer.status_code == status
    assert text in message(answer)


@pytest.mark.attack("T17")
@pytest.mark.parametrize("reason", [-1, 7, 8, 11, 2**40])
async def test_t17_reasons_that_are_none(ra: RegistrationHarness, reason: int) -> None:
    certificate, _ = await ra.certificate("foo.internal")
    token = ra.admin.revoke_token(certificate.serial_number)
    answer = await ra.post(
        "/revoke",
        serial=str(certificate.serial_number),
        ott=token,
        passive=True,
        reasonCode=reason,
    )
    assert message(answer) == "The request could not be completed: reasonCode out of bounds."
    assert not ra.issuing.revoked


@pytest.mark.attack("T17")
async def test_t17_the_tokens_subject_is_the_serial(each_ra: RegistrationHarness) -> None:
    certificate, _ = await each_ra.certificate("foo.internal")
    own, _ = await each_ra.certificate("attacker.internal")
    token = each_ra.admin.revoke_token(own.serial_number)
    serial = certificate.serial_number
    answer = await each_ra.post("/revoke", serial=str(serial), ott=token, passive=True)
    assert answer.status_code == 403
    assert message(answer) == (
        "The request was forbidden by the certificate authority: request serial number"
        f' "{serial}" and token subject "{own.serial_number}" do not match.'
    )
    signing = each_ra.admin.token(str(serial))
    answer = await each_ra.post("/revoke", serial=str(serial), ott=signing, passive=True)
    assert answer.status_code == 401
    assert not each_ra.issuing.revoked


@pytest.mark.attack("T17")
async def test_t17_only_its_own_provisioner_or_an_administrative_one(
    authority: CertificateAuthority, tmp_path: Any
) -> None:
    admin, other, chief = (JwkKey(name, keys.generate()) for name in ("admin", "other", "chief"))
    records = (admin.record(), other.record(), chief.record(newel={"revokesAny": True}))
    ra = await open_registration(
        f"sqlite:///{tmp_path}/ra.db", authority, admin=admin, provisioners=records
    )
    certificate, _ = await ra.certificate("foo.internal")
    serial = str(certificate.serial_number)
    refused = await ra.post("/revoke", serial=serial, ott=other.revoke_token(serial), passive=True)
    assert refused.status_code == 403
    assert not ra.issuing.revoked
    done = await ra.post("/revoke", serial=serial, ott=chief.revoke_token(serial), passive=True)
    assert done.status_code == 200
    await ra.database.close()


async def test_serials_that_were_never_issued_are_not_revoked(ra: RegistrationHarness) -> None:
    token = ra.admin.revoke_token(12345)
    answer = await ra.post("/revoke", serial="12345", ott=token, passive=True)
    assert answer.status_code == 404
    certificate, _ = await ra.certificate("foo.internal")
    token = ra.admin.revoke_token(certificate.serial_number)
    body = {"serial": str(certificate.serial_number), "passive": True}
    assert (await ra.post("/revoke", ott=token, **body)).status_code == 200


@pytest.mark.attack("T01")
async def test_t01_a_revocation_token_works_once(each_ra: RegistrationHarness) -> None:
    certificate, _ = await each_ra.certificate("foo.internal")
    serial = str(certificate.serial_number)
    token = each_ra.admin.revoke_token(serial)
    answers = [
        (await each_ra.post("/revoke", serial=serial, ott=token, passive=True)).status_code
        for _ in range(3)
    ]
    assert answers == [200, 401, 401]


async def test_the_provisioner_says_whether_it_is_published(
    authority: CertificateAuthority, tmp_path: Any
) -> None:
    admin = JwkKey("admin", keys.generate())
    for index, (authority_says, provisioner_says, active) in enumerate(
        [(True, None, True), (False, None, False), (False, True, True), (True, False, False)]
    ):
        newel = {} if provisioner_says is None else {"activeRevocation": provisioner_says}
        ra = await open_registration(
            f"sqlite:///{tmp_path}/ra{index}.db",
            authority,
            admin=admin,
            provisioners=(admin.record(newel=newel),),
            active_revocation=authority_says,
        )
        certificate, _ = await ra.certificate("foo.internal")
        serial = str(certificate.serial_number)
        body = {"serial": serial, "ott": admin.revoke_token(serial), "passive": True}
        assert (await ra.post("/revoke", **body)).status_code == 200
        (item,) = ra.issuing.revoked.values()
        assert item.active is active
        await ra.database.close()


async def test_while_the_audit_trail_is_full_nothing_is_issued_and_revocations_go_on(
    ra: RegistrationHarness,
) -> None:
    certificate, _ = await ra.certificate("foo.internal")
    token, csr = ra.admin.token("bar.internal"), request_for("bar.internal")
    ra.audit.full = True
    assert (await ra.sign(token, csr)).status_code == 503
    serial = str(certificate.serial_number)
    answer = await ra.post(
        "/revoke", serial=serial, ott=ra.admin.revoke_token(serial), passive=True
    )
    assert answer.status_code == 200
    ra.audit.full = False
    assert (await ra.sign(token, csr)).status_code == 201
