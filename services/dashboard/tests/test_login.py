"""Logging in and out: links work once, sessions end with their administrator, forms are of this site."""

import asyncio
import datetime as dt

import pytest

from fixtures.catalogue import make_issued, revocation_event
from fixtures.dashboard import HOST, DashboardHarness, read_text, read_token

HOUR = dt.timedelta(hours=1)


@pytest.mark.attack("P16")
async def test_a_link_logs_in_once_and_only_by_its_button(dashboard: DashboardHarness) -> None:
    link = await dashboard.make_link()
    secret = link.partition("link=")[2]
    async with dashboard.client() as browser:
        for _ in range(2):  # a program that looks at links does not use this one up
            page = await browser.get(link)
            assert "Log in as ada@example.com" in read_text(page)
        answers = await asyncio.gather(
            *(browser.post("/dashboard/login", data={"link": secret}) for _ in range(4))
        )
        assert sorted(each.status_code for each in answers) == [303, 403, 403, 403]
        cookie = next(each.headers["set-cookie"] for each in answers if each.status_code == 303)
        assert "used already or has expired" in read_text(await browser.get(link))
        assert (await browser.get("/dashboard")).status_code == 200
    for word in ("__Host-newel=", "HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert word in cookie
    assert "Domain" not in cookie
    assert secret not in str(dashboard.audit.lines)


async def test_a_link_expires_and_an_unknown_one_is_none(dashboard: DashboardHarness) -> None:
    secret = (await dashboard.make_link()).partition("link=")[2]
    dashboard.catalogue.clock.advance(dt.timedelta(minutes=5))
    async with dashboard.client() as browser:
        for given in (secret, secret[::-1], "x" * 5000, "\0"):
            refused = await browser.post("/dashboard/login", data={"link": given})
            assert refused.status_code == 403
    assert dashboard.audit.lines[-1][:2] == ("dashboard.login", "refused")


@pytest.mark.attack("P05")
async def test_links_are_for_administrators_alone(dashboard: DashboardHarness) -> None:
    bob = make_issued(common_name="bob@example.com", provisioner="people")
    await dashboard.catalogue.take(bob.event)
    for certificate, status in ((None, 401), (bob.der, 403)):
        async with dashboard.client(certificate) as program:
            assert (await program.post("/dashboard/links")).status_code == status
            assert (await program.post("/dashboard/login", data={})).status_code == status
    assert {line[1] for line in dashboard.audit.lines} == {"refused"}


async def test_a_browser_with_the_client_certificate_needs_no_link(
    dashboard: DashboardHarness,
) -> None:
    async with dashboard.client(dashboard.ada.der) as browser:
        page = await browser.get("/dashboard", follow_redirects=True)
        assert "Log in as ada@example.com" in read_text(page)
        done = await browser.post("/dashboard/login", data={"to": "/dashboard/alerts?state=open"})
        assert done.headers["location"] == "/dashboard/alerts?state=open"
        assert (await browser.get("/dashboard")).status_code == 200


@pytest.mark.attack("P16")
async def test_every_log_in_makes_a_new_session_and_ends_the_one_before(
    dashboard: DashboardHarness,
) -> None:
    async with dashboard.log_in() as browser:
        first = browser.cookies["__Host-newel"]
        secret = (await dashboard.make_link()).partition("link=")[2]
        await browser.post("/dashboard/login", data={"link": secret})
        assert browser.cookies["__Host-newel"] != first
    async with dashboard.client() as other:
        for planted in (first, "fixed-by-an-attacker"):
            answer = await other.get("/dashboard", headers={"cookie": f"__Host-newel={planted}"})
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/dashboard/login?")


@pytest.mark.parametrize("how", ["revoked", "expired", "twelve hours"])
async def test_a_session_ends_with_its_administrator(dashboard: DashboardHarness, how: str) -> None:
    async with dashboard.log_in() as browser:
        if how == "revoked":
            await dashboard.catalogue.take(revocation_event(dashboard.ada))
        else:
            dashboard.catalogue.clock.advance(HOUR * (25 if how == "expired" else 12))
        answer = await browser.get("/dashboard")
        assert answer.status_code == 303
        page = await browser.get("/dashboard", follow_redirects=True)
    assert "Your session has ended" in read_text(page)


async def test_log_out_ends_the_session_for_every_holder_of_the_cookie(
    dashboard: DashboardHarness,
) -> None:
    async with dashboard.log_in() as browser:
        token = read_token(await browser.get("/dashboard"))
        cookie = browser.cookies["__Host-newel"]
        assert (await browser.post("/dashboard/logout", data={})).status_code == 403
        assert (await browser.post("/dashboard/logout", data={"csrf": token})).status_code == 303
        header = {"cookie": f"__Host-newel={cookie}"}
        assert (await browser.get("/dashboard", headers=header)).status_code == 303


@pytest.mark.attack("P16")
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": HOST},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
async def test_a_form_of_another_site_is_refused(
    dashboard: DashboardHarness, headers: dict[str, str]
) -> None:
    async with dashboard.log_in() as browser:
        token = read_token(await browser.get("/dashboard"))
        for path in ("/dashboard/logout", "/dashboard/login", "/dashboard/links"):
            answer = await browser.post(path, data={"csrf": token}, headers=headers)
            assert answer.status_code == 403, path
        assert (await browser.get("/dashboard")).status_code == 200


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/dashboard\\evil", "/dashboardevil", "/sign", ""],
)
async def test_a_log_in_leads_nowhere_else(dashboard: DashboardHarness, target: str) -> None:
    secret = (await dashboard.make_link()).partition("link=")[2]
    async with dashboard.client() as browser:
        answer = await browser.post("/dashboard/login", data={"link": secret, "to": target})
    assert answer.headers["location"] == "/dashboard"


async def test_a_large_form_is_refused(dashboard: DashboardHarness) -> None:
    async with dashboard.client() as browser:
        large = await browser.post("/dashboard/login", data={"link": "x" * 9000})
        many = await browser.post("/dashboard/login", data={f"f{at}": "x" for at in range(20)})
        other = await browser.post("/dashboard/login", content=b"\xff\xfe=1")
    assert (large.status_code, many.status_code, other.status_code) == (413, 400, 400)
