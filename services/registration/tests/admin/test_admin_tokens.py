"""Tokens of administrators: for one authority, one path, one use and a short time, by one of its certificates."""

import base64
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fixtures.administration import Login, ManagedAuthority, open_managed, refusal
from fixtures.authority import CertificateAuthority, make_authority
from fixtures.key_usages import key_usage
from fixtures.registration import CA, open_registration, request_for
from newel.crypto import keys

PATH = "/admin/admins"


async def ask(site: ManagedAuthority, token: str, path: str = PATH) -> tuple[int, str, str]:
    """How a token is refused."""
    headers = {"Authorization": token} if token else {}
    return refusal(await site.ra.call("GET", path, headers=headers))


async def test_without_a_token_the_api_says_that_it_is_there(site: ManagedAuthority) -> None:
    assert await ask(site, "") == (401, "unauthorized", "missing authorization header token")


async def test_without_remote_management_there_is_nothing(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    ra = await open_registration(f"sqlite:///{tmp_path}/ra.db", authority)
    assert (await ra.call("GET", PATH)).status_code == 404
    await ra.database.close()


@pytest.mark.parametrize(
    "audience",
    [
        f"https://CA.example{PATH}",
        f"https://ca.example:8443{PATH}",
        f"https://127.0.0.1:9000{PATH}",
    ],
)
async def test_names_and_ports_of_this_authority(site: ManagedAuthority, audience: str) -> None:
    assert (await site.send("GET", PATH, audience=audience)).status_code == 200


@pytest.mark.attack("P04")
@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"audience": f"https://other.example{PATH}"}, "invalid audience claim (aud)"),
        ({"audience": f"http://ca.example{PATH}"}, "invalid audience claim (aud)"),
        ({"audience": f"{CA}/admin/provisioners"}, "invalid audience claim (aud)"),
        ({"audience": f"{CA}{PATH}/x"}, "invalid audience claim (aud)"),
        ({"audience": f"https://ca.example@evil.example{PATH}"}, "invalid audience claim (aud)"),
        ({"audience": PATH}, "invalid audience claim (aud)"),
        ({"audience": ""}, "invalid audience claim (aud)"),
        ({"issuer": "someone"}, "invalid issuer claim (iss)"),
        ({"subject": ""}, "subject cannot be empty"),
        ({"lifetime": dt.timedelta(minutes=7)}, "token expires too late (exp)"),
        ({"lifetime": dt.timedelta(minutes=-2)}, "token is expired (exp)"),
        ({"not_before": dt.datetime(2099, 1, 1, tzinfo=dt.UTC)}, "token expires too late (exp)"),
    ],
)
async def test_a_token_for_something_else_is_refused(
    site: ManagedAuthority, claims: dict[str, Any], said: str
) -> None:
    status, kind, message = refusal(await site.send("GET", PATH, **claims))
    assert (status, kind) == (401, "unauthorized")
    assert message.endswith(said)


@pytest.mark.attack("P04")
async def test_a_token_is_good_for_one_use(each_site: ManagedAuthority) -> None:
    site = each_site
    token = site.first.token(PATH, site.ra.clock.now())
    headers = {"Authorization": token}
    assert (await site.ra.call("GET", PATH, headers=headers)).status_code == 200
    status, _, message = refusal(await site.ra.call("GET", PATH, headers=headers))
    assert status == 401
    assert message == "adminHandler.authorizeToken; error with reuse token: token already used"
    other_path = f"{PATH}?limit=1"
    assert refusal(await site.ra.call("GET", other_path, headers=headers))[0] == 401


@pytest.mark.attack("P04")
async def test_a_refused_token_is_not_used_up(each_site: ManagedAuthority) -> None:
    """Otherwise a stranger who saw a token could use it up at another path."""
    token = each_site.first.token(PATH, each_site.ra.clock.now())
    assert (await ask(each_site, token, "/admin/policy"))[0] == 401
    answer = await each_site.ra.call("GET", PATH, headers={"Authorization": token})
    assert answer.status_code == 200


@pytest.mark.attack("P04")
@pytest.mark.parametrize("token", ["x", "a.b.c", "Bearer a.b.c", "." * 300_000], ids=len)
async def test_what_is_no_token_is_refused(site: ManagedAuthority, token: str) -> None:
    assert (await ask(site, token))[0] == 401


@pytest.mark.attack("P04")
async def test_a_token_whose_signature_is_not_the_certificates_is_refused(
    site: ManagedAuthority,
) -> None:
    thief = Login(site.first.certificate, keys.generate())
    status, _, message = refusal(await site.send("GET", PATH, login=thief))
    assert (status, message) == (401, "adminHandler.authorizeToken; error parsing x5c claims")
    for chain in ([], ["!"], ["AAAA"], [base64.b64encode(site.first.der).decode()] * 9):
        answer = await site.send("GET", PATH, extra_header={"x5c": chain})
        assert refusal(answer)[2] == "adminHandler.authorizeToken; error parsing x5c token"


def issue(authority: CertificateAuthority, now: dt.datetime, **more: Any) -> Login:
    """A certificate that an authority's key signs without its registration knowing."""
    key = keys.generate()
    signs = ["digital_signature"] if more.get("signs", True) else []
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "step")]))
        .issuer_name(authority.intermediate.subject)
        .public_key(key.public_key())
        .serial_number(77)
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + more.get("validity", dt.timedelta(hours=1)))
        .add_extension(
            x509.ExtendedKeyUsage([more.get("purpose", ExtendedKeyUsageOID.CLIENT_AUTH)]),
            critical=False,
        )
        .add_extension(key_usage("content_commitment", *signs), critical=True)
    )
    signer: Any = authority.key
    return Login(builder.sign(signer, hashes.SHA256()), key)


@pytest.mark.attack("P04")
async def test_a_certificate_of_another_authority_is_refused(
    site: ManagedAuthority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    stranger = issue(make_authority(tmp_path / "other"), site.ra.clock.now())
    message = refusal(await site.send("GET", PATH, login=stranger))[2]
    assert message.endswith("the certificate is not one of this authority")


@pytest.mark.attack("P04")
@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "the certificate is not one of this authority"),  # there is no record of it
        ({"validity": dt.timedelta(seconds=-1)}, "the certificate has expired or is not valid yet"),
        ({"purpose": ExtendedKeyUsageOID.SERVER_AUTH}, "the certificate is not for client authentication"),
        ({"signs": False}, "cannot be used for digital signature"),
    ],
)  # fmt: skip # a table
async def test_a_certificate_that_is_not_a_clients_is_refused(
    site: ManagedAuthority, authority: CertificateAuthority, more: dict[str, Any], said: str
) -> None:
    login = issue(authority, site.ra.clock.now(), **more)
    status, _, message = refusal(await site.send("GET", PATH, login=login))
    assert status == 401
    assert message.endswith(said)


@pytest.mark.attack("P04")
async def test_a_revoked_certificate_manages_nothing(site: ManagedAuthority) -> None:
    serial = site.first.certificate.serial_number
    revoked = await site.ra.post(
        "/revoke", serial=str(serial), ott=site.ra.admin.revoke_token(serial), passive=True
    )
    assert revoked.status_code == 200
    message = refusal(await site.send("GET", PATH))[2]
    assert message == "adminHandler.authorizeToken; the certificate is revoked"


async def test_an_expired_certificate_manages_nothing(site: ManagedAuthority) -> None:
    site.ra.clock.advance(dt.timedelta(hours=25))
    assert refusal(await site.send("GET", PATH))[2].endswith("has expired or is not valid yet")


async def test_someone_who_is_no_administrator(site: ManagedAuthority) -> None:
    joe = await site.login("joe.example")
    status, _, message = refusal(await site.send("GET", PATH, login=joe))
    assert status == 401
    assert message == (
        "adminHandler.authorizeToken; unable to load admin with subject(s) [joe.example joe.example]"
        " and provisioner 'admin'"
    )
    assert site.ra.audit.lines[-1][:2] == ("admin.admin.read", "refused")


async def test_an_email_address_is_a_subject(site: ManagedAuthority) -> None:
    await site.add_administrator("ada@example.com")
    key, now = keys.generate(), site.ra.clock.now()
    general = [x509.DNSName("ada.example"), x509.RFC822Name("ada@example.com")]
    csr = request_for("ada.example", key=key, general=[])
    token = site.ra.admin.token("ada.example", now, sans=[str(each.value) for each in general])
    answer = await site.ra.sign(token, csr)
    ada = Login(x509.load_pem_x509_certificate(answer.json()["crt"].encode()), key)
    assert (await site.send("GET", PATH, login=ada)).status_code == 200


async def test_the_issuing_authority_away_is_not_a_refusal(site: ManagedAuthority) -> None:
    site.ra.issuing.down = True
    status, kind, _ = refusal(await site.send("GET", PATH))
    assert (status, kind) == (503, "unavailable")


async def test_nothing_changes_while_nothing_can_be_audited(site: ManagedAuthority) -> None:
    body = {"subject": "joe", "provisioner": "admin", "type": 1}
    site.ra.audit.full = True
    assert refusal(await site.send("POST", PATH, body))[0] == 503
    site.ra.audit.full = False
    assert len((await site.get(PATH))["admins"]) == 1


async def test_paths_and_methods_that_are_not_there(site: ManagedAuthority) -> None:
    assert refusal(await site.send("GET", "/admin/nothing"))[0] == 404
    answer = await site.send("PUT", PATH, {})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


async def test_a_renamed_authority_keeps_the_legacy_issuer(site: ManagedAuthority) -> None:
    """Old clients name the provisioner as the issuer."""
    assert (await site.send("GET", PATH, issuer="admin")).status_code == 200


async def test_one_process_for_each_start(
    authority: CertificateAuthority, database_url: str
) -> None:
    """Two processes that start at once make one first configuration."""
    async with open_managed(database_url, authority) as one:
        other = await open_registration(
            database_url, authority, admin=one.ra.admin, issuing=one.ra.issuing,
            remote_management=True,
        )  # fmt: skip # a command line
        second = ManagedAuthority(other, one.first)
        assert await second.get(PATH) == await one.get(PATH)
        await other.database.close()
