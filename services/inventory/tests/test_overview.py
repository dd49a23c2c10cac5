"""The catalogue in numbers, the roles of those who read it, and the certificates as files."""

import datetime as dt
import hashlib
import ssl

import pytest

from fixtures.catalogue import START, IssuedCertificate, make_issued, revocation_event
from fixtures.inventory import Catalogue, IssuedRecords, inventory_client
from newel.runtime.http.roles import Role, read_role

HOUR = dt.timedelta(hours=1)


async def test_the_overview_counts_what_the_lists_show(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    short, gone = make_issued("short.example", life=HOUR), make_issued("gone.example")
    long = make_issued("long.example", at=START + HOUR, life=40 * 24 * HOUR)
    later = make_issued("later.example", life=3 * 24 * HOUR)
    await catalogue.take(short.event, gone.event, long.event, later.event, revocation_event(gone))
    catalogue.clock.advance(2 * HOUR)
    async with inventory_client(catalogue, ada.der) as http:
        found = (await http.get("/inventory/overview")).raise_for_status().json()
        for state, count in found["certificates"].items():
            listed = await http.get("/inventory/certificates", params={"state": state})
            assert len(listed.json()["certificates"]) == count, state
        for state, count in found["endpoints"].items():
            listed = await http.get("/inventory/endpoints", params={"state": state})
            assert len(listed.json()["endpoints"]) == count, state
        for each in found["expiring_by_day"]:
            times = {"expires_after": each["start"], "expires_before": each["end"]}
            listed = await http.get("/inventory/certificates", params={"state": "active", **times})
            assert len(listed.json()["certificates"]) == each["count"]
    assert found["certificates"] == {"active": 3, "expired": 1, "revoked": 1}
    assert [each["count"] for each in found["expiring_by_day"][:3]] == [1, 0, 1]
    assert sum(each["count"] for each in found["issued_by_hour"]) == 5
    assert len(found["issued_by_hour"]) == 24


async def test_an_empty_catalogue_is_counted_too(catalogue: Catalogue) -> None:
    ada = make_issued(common_name="ada@example.com", provisioner="people", life=HOUR)
    await catalogue.take(ada.event)
    async with inventory_client(catalogue, ada.der) as http:
        found = (await http.get("/inventory/overview")).json()
    assert found["certificates"] == {"active": 1, "expired": 0, "revoked": 0}
    assert found["endpoints"] == {"active": 1, "expiring": 0, "ended": 0}


async def test_an_overview_is_counted_again_after_some_seconds(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    async with inventory_client(catalogue, ada.der) as http:
        await http.get("/inventory/overview")
        await catalogue.take(make_issued("a.example").event)
        again = (await http.get("/inventory/overview")).json()
        assert again["certificates"]["active"] == 1
        catalogue.clock.advance(dt.timedelta(seconds=5))
        after = (await http.get("/inventory/overview")).json()
    assert after["certificates"]["active"] == 2
    assert after["counted_at"] == "2026-11-21T12:00:05Z"


@pytest.mark.parametrize("role", Role)
@pytest.mark.attack("P05")
async def test_each_role_reads_and_only_an_administrator_writes(
    catalogue: Catalogue, ada: IssuedCertificate, role: Role
) -> None:
    async with inventory_client(catalogue, ada.der, role) as http:
        own = (await http.get("/inventory/administrator")).json()
        assert own == {"subject": "ada@example.com", "serial": ada.serial.hex(), "role": role}
        written = await http.put("/inventory/metadata/name/dns:a", json={"a": "b"})
        removed = await http.delete("/inventory/metadata/name/dns:a")
    may = role is Role.ADMINISTRATOR
    assert (written.status_code, removed.status_code) == ((204, 204) if may else (403, 403))
    if not may:
        assert written.json()["detail"] == f"This needs the role administrator; yours is {role}."
        assert catalogue.audit.lines[-1][1] == "refused"
        assert catalogue.audit.lines[-1][2]["cause"].endswith(f"{role}, not administrator")


def test_a_role_of_a_later_release_has_the_least_rights() -> None:
    assert read_role("auditor") is Role.VIEWER
    assert read_role("operator") is Role.OPERATOR


async def test_a_certificate_is_found_by_its_fingerprint(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    one = make_issued("a.example")
    await catalogue.take(one.event)
    digest = hashlib.sha256(one.der).hexdigest()
    colons = ":".join(digest[at : at + 2] for at in range(0, 64, 2)).upper()
    async with inventory_client(catalogue, ada.der) as http:
        for text, found in ((digest, 1), (colons, 1), ("ab" * 32, 0)):
            listed = await http.get("/inventory/certificates", params={"fingerprint": text})
            assert len(listed.json()["certificates"]) == found
        for text in ("xyz", "ab" * 33, ""):
            refused = await http.get("/inventory/certificates", params={"fingerprint": text})
            assert refused.status_code == 400


async def test_a_certificate_is_a_file_with_its_issuers(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    records = IssuedRecords([ada])
    async with inventory_client(catalogue, ada.der, records=records) as http:
        answer = await http.get(f"/inventory/certificates/{ada.serial.hex()}/chain")
        missing = await http.get("/inventory/certificates/0102/chain")
    expected = ssl.DER_cert_to_PEM_cert(ada.der) + ssl.DER_cert_to_PEM_cert(records.issuer)
    assert answer.text == expected
    assert answer.headers["content-type"] == "application/pem-certificate-chain"
    assert f'{ada.serial.hex()}.pem"' in answer.headers["content-disposition"]
    assert missing.status_code == 404


async def test_an_issuing_authority_that_cannot_be_asked_is_not_a_missing_certificate(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    async with inventory_client(catalogue, ada.der) as http:
        answer = await http.get(f"/inventory/certificates/{ada.serial.hex()}/chain")
    assert answer.status_code >= 500
