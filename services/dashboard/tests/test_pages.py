"""What the pages show, to whom, and what they do not execute."""

import datetime as dt
import html
import re
import ssl
from typing import Any

import pytest

from fixtures.catalogue import ISSUER, make_issued, revocation_event
from fixtures.dashboard import DashboardHarness, read_text, read_token
from fixtures.inventory import IssuedRecords
from fixtures.ssh_catalogue import make_ssh
from newel.runtime.http.roles import Role

PATHS = ("", "/certificates", "/endpoints", "/alerts", "/provisioners", "/metering")
FILES = (
    "/certificates.csv",
    "/metering.csv",
    "/certificates/01/chain",
    "/certificates/01/revoke",
    "/alerts/1",
)
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"


async def test_the_first_page_says_all_clear_or_what_is_not(dashboard: DashboardHarness) -> None:
    async with dashboard.log_in() as browser:
        clear = read_text(await browser.get("/dashboard"))
        assert "All clear checked at" in clear
        assert "newel ca certificate ca.example" in clear, "an empty authority says what is next"
    dashboard.alerts = {
        "alerts": [{"id": "n1", "subject": "a.example", "severity": "critical"}], "next": "more",
    }  # fmt: skip # one alert
    dashboard.not_ready = True
    async with dashboard.log_in() as browser:
        said = read_text(await browser.get("/dashboard"))
    assert "3 things need a person" in said
    for line in (
        "a.example has expired.",
        "not ready: audit trail: the disk is full",
        "more alerts",
    ):
        assert line in said


async def test_a_part_that_does_not_answer_is_never_all_clear(dashboard: DashboardHarness) -> None:
    dashboard.alerting_is_up = False
    async with dashboard.log_in() as browser:
        said = read_text(await browser.get("/dashboard"))
    assert "All clear" not in said
    assert "Alerting could not be asked" in said
    assert "active certificates" in said, "the other parts are shown all the same"


@pytest.mark.parametrize("path", PATHS)
async def test_each_page_asks_for_a_log_in_and_leads_back(
    dashboard: DashboardHarness, path: str
) -> None:
    async with dashboard.client() as browser:
        answer = await browser.get(f"/dashboard{path}?state=active")
        assert answer.status_code == 303
        target = answer.headers["location"]
        assert target.startswith("/dashboard/login")
        if path:
            assert f"%2Fdashboard%2F{path[1:]}%3Fstate%3Dactive" in target
    async with dashboard.log_in() as browser:
        page = await browser.get(f"/dashboard{path}")
        assert page.status_code == 200, page.text
        assert 'aria-current="page"' in page.text


@pytest.mark.parametrize("path", FILES)
async def test_what_is_below_the_pages_asks_for_a_log_in_too(
    dashboard: DashboardHarness, path: str
) -> None:
    async with dashboard.client() as browser:
        answer = await browser.get(f"/dashboard{path}")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/dashboard/login?to=")


async def test_every_answer_has_the_headers_that_protect_it(dashboard: DashboardHarness) -> None:
    paths = ["/dashboard", "/dashboard/nowhere", "/dashboard/certificates/00", "/dashboard/login"]
    async with dashboard.log_in() as browser:
        for path in [*paths, "/dashboard/static/dashboard.css", "/"]:
            headers = (await browser.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-frame-options"] == "DENY"
            assert headers["x-content-type-options"] == "nosniff"
        assert (await browser.get("/dashboard/static/../app.py")).status_code == 404
        assert (await browser.get("/dashboard/static/app.py")).status_code == 404


@pytest.mark.attack("P05")
async def test_markup_in_names_is_text(dashboard: DashboardHarness) -> None:
    one = make_issued("a.example", common_name=MARKUP[:60], proof=MARKUP)
    await dashboard.catalogue.take(one.event)
    serial = one.serial.hex()
    dashboard.records = IssuedRecords([one])
    dashboard.alerts = {
        "alerts": [{"id": "\"'<b>", "subject": MARKUP, "severity": "<i>"}], "next": None,
    }  # fmt: skip # one alert
    async with dashboard.log_in() as browser:
        for path in (
            "",
            "/certificates",
            f"/certificates/{serial}",
            f"/certificates/{serial}/revoke",
            "/endpoints",
        ):
            page = await browser.get(f"/dashboard{path}")
            assert page.status_code == 200, page.text
            for text in ("<script>alert", "<img", '<b>"', "<i>"):
                assert text not in page.text
        found = await browser.get("/dashboard/certificates", params={"search": MARKUP})
        assert "<script>alert" not in found.text


async def test_a_certificate_has_its_chain_its_status_and_its_history(
    dashboard: DashboardHarness,
) -> None:
    first = make_issued("a.example", proof="ada")
    second = make_issued("a.example", renews=first)
    await dashboard.catalogue.take(first.event, second.event, revocation_event(first, reason=1))
    dashboard.records = IssuedRecords([first, second])
    async with dashboard.log_in() as browser:
        page = await browser.get(f"/dashboard/certificates/{first.serial.hex()}")
        said = read_text(page)
        chain = await browser.get(f"/dashboard/certificates/{first.serial.hex()}/chain")
    assert "a.example revoked Revoked" in said
    assert "the key was compromised" in said
    assert "OCSP no answer" in said, "a responder that does not answer is not good"
    assert f"/dashboard/certificates/{second.serial.hex()}" in page.text
    assert "SHA-256 fingerprint" in said
    assert chain.text.startswith(ssl.DER_cert_to_PEM_cert(first.der))


async def test_a_certificate_that_cannot_be_read_is_shown_by_its_facts(
    dashboard: DashboardHarness,
) -> None:
    async with dashboard.log_in() as browser:
        page = await browser.get(f"/dashboard/certificates/{dashboard.ada.serial.hex()}")
        missing = await browser.get("/dashboard/certificates/0102")
    assert "The certificate cannot be read now." in read_text(page)
    assert missing.status_code == 404
    assert "There is no such certificate." in read_text(missing)


async def test_an_ssh_certificate_says_how_it_is_revoked(dashboard: DashboardHarness) -> None:
    one = make_ssh("host", "db", "db.example", serial=0x1F)
    await dashboard.catalogue.take(one.event)
    async with dashboard.log_in() as browser:
        page = await browser.get("/dashboard/certificates/1f")
        refused = await browser.get("/dashboard/certificates/1f/revoke")
    said = read_text(page)
    assert "newel ssh revoke 31" in said
    for absent in ("OCSP", "Revoke…", "Decoded", "Download"):
        assert absent not in said
    assert refused.status_code == 404
    assert "newel ssh revoke 31" in read_text(refused)


async def test_what_is_no_serial_number_is_nowhere(dashboard: DashboardHarness) -> None:
    async with dashboard.log_in() as browser:
        for path in ("export", "export/revoke", "xyz/chain"):
            answer = await browser.get(f"/dashboard/certificates/{path}")
            assert answer.status_code == 404, path


async def test_a_search_that_is_refused_says_why(dashboard: DashboardHarness) -> None:
    async with dashboard.log_in() as browser:
        page = await browser.get("/dashboard/certificates?serial=xyz")
        unknown = await browser.get("/dashboard/certificates?colour=red")
        found = await browser.get("/dashboard/certificates?search=&state=active")
    assert page.status_code == unknown.status_code == 400
    assert "'serial' must be hexadecimal" in read_text(page)
    assert "ada@example.com" in read_text(found), "a field that was left empty is no filter"


async def test_pages_follow_each_other(dashboard: DashboardHarness) -> None:
    await dashboard.catalogue.take(*(make_issued(f"h{at}.example").event for at in range(60)))
    async with dashboard.log_in() as browser:
        first = await browser.get("/dashboard/certificates?state=active")
        path = first.text.partition('<a class="button" href="')[2].partition('"')[0]
        second = await browser.get(path.replace("&amp;", "&"))
        csv = await browser.get("/dashboard/certificates.csv?state=active&cursor=x")
    assert first.text.count("<tr>") == 51
    assert second.text.count("<tr>") == 12
    assert len(csv.text.splitlines()) == 62


async def test_a_month_is_metered_and_its_numbers_lead_to_the_certificates(
    dashboard: DashboardHarness,
) -> None:
    month = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    half = dt.timedelta(days=15)
    await dashboard.catalogue.take(make_issued("a.example", at=month, life=half).event)
    dashboard.catalogue.clock.advance(dt.timedelta(hours=1))
    async with dashboard.log_in() as browser:
        page = await browser.get("/dashboard/metering")
        csv = await browser.get("/dashboard/metering.csv?month=2026-11")
        before = await browser.get("/dashboard/metering?month=2026-10")
        wrong = await browser.get("/dashboard/metering?month=never")
        links = re.findall(r'<a href="(/dashboard/certificates\?[^"]+)">(\d+)</a>', page.text)
        counts = [
            (await browser.get(html.unescape(path))).text.count("<tr>") - 1 for path, _ in links
        ]
    assert "Metering of 2026-11 counted until 2026-11-21 13:00 UTC" in read_text(page)
    assert f"admin {ISSUER} 1 0.5 0 1 0.5 1" in read_text(page)
    assert [int(number) for _, number in links] == counts == [1, 1, 2]
    assert "month=2026-11" in before.text
    assert csv.text.count("\n") == 3
    assert wrong.status_code == 400
    assert "must be a month as in 2026-11" in read_text(wrong)


async def test_an_operator_revokes_with_a_reason_after_a_preview(
    dashboard: DashboardHarness,
) -> None:
    dashboard.role, one = Role.OPERATOR, make_issued("a.example")
    await dashboard.catalogue.take(one.event)
    path = f"/dashboard/certificates/{one.serial.hex()}"
    async with dashboard.log_in() as browser:
        page = await browser.get(f"{path}/revoke")
        assert "is revoked for good" in read_text(page)
        form: dict[str, Any] = {"csrf": read_token(page), "reason": "1", "comment": "it leaked"}
        for wrong in (
            {"csrf": ""},
            {"csrf": "0" * 64},
            {"reason": "7"},
            {"reason": "x"},
            {"reason": ""},
            {"reason": "01"},
            {"reason": "0" * 5000},
        ):
            refused = await browser.post(f"{path}/revoke", data=form | wrong)
            assert refused.status_code in {400, 403}
        assert dashboard.revocations == []
        done = await browser.post(f"{path}/revoke", data=form)
    assert done.status_code == 303
    assert dashboard.revocations == [(dashboard.ada.der, {"reason": 1, "comment": "it leaked"})], (
        "the registration authority is asked with ada's certificate"
    )


async def test_a_viewer_sees_no_button_to_revoke(dashboard: DashboardHarness) -> None:
    dashboard.role = Role.VIEWER
    path = f"/dashboard/certificates/{dashboard.ada.serial.hex()}"
    async with dashboard.log_in() as browser:
        assert "Revoke…" not in (await browser.get(path)).text
        page = await browser.get(f"{path}/revoke")
    assert "needs the role operator; yours is viewer" in read_text(page)


async def test_the_root_is_for_everyone(dashboard: DashboardHarness) -> None:
    dashboard.root = ssl.DER_cert_to_PEM_cert(dashboard.ada.der)
    async with dashboard.client() as browser:
        said = read_text(await browser.get("/trust"))
        pem = await browser.get("/trust/root.pem")
        der = await browser.get("/trust/root.crt")
        assert (await browser.get("/trust/root.exe")).status_code == 404
        dashboard.root = "no certificate"
        assert (await browser.get("/trust")).status_code == 503
    assert "--ca-url https://ca.example --fingerprint" in said
    assert pem.text.strip() == ssl.DER_cert_to_PEM_cert(dashboard.ada.der).strip()
    assert der.content == dashboard.ada.der
