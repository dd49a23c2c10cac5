"""Alerts on the page: acknowledged, silenced and sent again, by the real interface of alerting."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fixtures.alerting import Alerts, expiry_event
from fixtures.alerting_http import build_interface
from fixtures.dashboard import DashboardHarness, read_text, read_token
from fixtures.migrated import prepare
from newel.alerting.app import REVISION
from newel.alerting.config import Config, Slack
from newel.runtime.database.connect import open_database
from newel.runtime.http.roles import Role

ALERT = "/dashboard/alerts/expiring-01"
FAILED = "UPDATE deliveries SET state = 'failed', error = 'no answer' RETURNING key"


@pytest.fixture
async def alerts(dashboard: DashboardHarness, tmp_path: Path) -> AsyncIterator[Alerts]:
    """One alert, on its way to a channel; ada is an operator."""
    url = f"sqlite:///{tmp_path}/alerting.db"
    await prepare(url, "newel.alerting", REVISION)
    database = await open_database(url)
    secret = tmp_path / "slack.url"
    secret.write_text("https://hooks.example/services/x")
    secret.chmod(0o600)
    config = Config(channels={"chat": Slack(kind="slack", url_file=secret)})
    alerts = Alerts(database, config, clock=dashboard.catalogue.clock)
    await alerts.take(expiry_event(b"\x01"))
    dashboard.alerting = build_interface(alerts, "operator", dashboard.ada.der)
    yield alerts
    await alerts.close()
    await database.close()


async def test_an_alert_is_acknowledged_with_a_note(
    dashboard: DashboardHarness, alerts: Alerts
) -> None:
    async with dashboard.log_in() as browser:
        page = await browser.get(ALERT)
        assert "What to do: See on its host why it is not renewed" in read_text(page)
        form = {"csrf": read_token(page), "note": "<b>looking</b>"}
        for wrong in ({"csrf": ""}, {"csrf": "0" * 64}):
            refused = await browser.post(f"{ALERT}/acknowledge", data=form | wrong)
            assert refused.status_code == 403
        assert alerts.audit.outcomes("alerting.acknowledge") == []
        done = await browser.post(f"{ALERT}/acknowledge", data=form)
        assert (done.status_code, done.headers["location"]) == (303, ALERT)
        page = await browser.get(ALERT)
        assert "ada looks after it" in read_text(page)
        assert "<b>looking" not in page.text
        assert "I look after it" not in page.text
        listed = await browser.get("/dashboard/alerts?acknowledged=yes")
        assert "expiring-01" in listed.text
        assert "ada looks after it" in read_text(await browser.get("/dashboard"))


async def test_a_silence_is_made_shown_and_ended(
    dashboard: DashboardHarness, alerts: Alerts
) -> None:
    async with dashboard.log_in() as browser:
        token = read_token(await browser.get(ALERT))
        form = {"csrf": token, "endpoint": "c-01", "hours": "4", "reason": "we know"}
        times = ("soon", "2026-11-22T22:00+05:00", "9999-12-31T23:00")
        for wrong in (
            *({"hours": ""}, {"hours": "9999"}, {"endpoint": ""}),
            *({"starts_at": time} for time in times),
        ):
            refused = await browser.post("/dashboard/silences/new", data=form | wrong)
            assert refused.status_code == 400
        forged = await browser.post("/dashboard/silences/new", data=form | {"csrf": "x"})
        assert forged.status_code == 403
        made = await browser.post("/dashboard/silences/new", data=form)
        assert made.headers["location"] == "/dashboard/silences?state=active"
        assert "It is silenced until" in read_text(await browser.get(ALERT))
        assert "silenced" in read_text(await browser.get("/dashboard/alerts"))
        silences = await browser.get("/dashboard/silences?state=active")
        assert "endpoint c-01 active" in read_text(silences)
        found = re.search(r'action="(/dashboard/silences/[^"]+/end)"', silences.text)
        assert found
        path = found[1]
        assert (await browser.post(path, data={"csrf": "x"})).status_code == 403
        await browser.post(path, data={"csrf": token})
        assert "by ada" in read_text(await browser.get("/dashboard/silences?state=over"))
        window = form | {"starts_at": "2026-11-22T22:00", "kind": "*"}
        await browser.post("/dashboard/silences/new", data=window)
        planned = read_text(await browser.get("/dashboard/silences?state=planned"))
        assert "2026-11-22 22:00 UTC 2026-11-23 02:00 UTC" in planned


async def test_a_message_that_failed_is_sent_again(
    dashboard: DashboardHarness, alerts: Alerts
) -> None:
    await alerts.rows(FAILED)
    async with dashboard.log_in() as browser:
        page = await browser.get(ALERT)
        assert "no answer" in read_text(page)
        key = "expiring-01.opened.chat"
        form = {"csrf": read_token(page), "alert": "expiring-01"}
        done = await browser.post(f"/dashboard/deliveries/{key}/retry", data=form)
        assert done.headers["location"] == ALERT
    assert await alerts.states() == {"opened chat": "pending"}


async def test_a_viewer_sees_what_is_needed_and_no_buttons(
    dashboard: DashboardHarness, alerts: Alerts
) -> None:
    dashboard.role = Role.VIEWER
    dashboard.alerting = build_interface(alerts, "viewer", dashboard.ada.der)
    async with dashboard.log_in() as browser:
        said = read_text(await browser.get(ALERT))
        assert "need the role operator; yours is viewer" in said
        assert "I look after it" not in said
        assert "needs the role operator" in read_text(await browser.get("/dashboard/silences/new"))
        page = await browser.get("/dashboard/silences")
        forced = await browser.post(f"{ALERT}/acknowledge", data={"csrf": read_token(page)})
        assert forced.status_code == 403
    assert alerts.audit.outcomes("alerting.acknowledge") == []
